/** Arrays and data sets with their axes in the order of pictures and of the network's input. */
import type { Dataset, Elements, Picture, PictureSource } from "../dataset.ts";
import { elementsOf } from "../image-shape.ts";
import { arrangeAxes, type Layout, type NetworkInputShape, networkOrder } from "./layout.ts";

/** The source with its arrays as pictures, channels innermost. Pictures whose format knows its axes stay as they are. */
export function withLayout(source: PictureSource, input: NetworkInputShape | undefined, layout: Layout): PictureSource {
  if (source.axes === undefined) return source;
  const { found, shape, places } = arrangeAxes(source.axes, input, layout, source.name);
  return {
    ...source,
    shape,
    layout: found,
    async read(first, count) {
      const read = await source.read(first, count);
      const pictures = read.pictures.map(({ elements }): Picture => ({ shape, elements: permuted(elements, places) }));
      return { ...read, pictures };
    },
  };
}

/**
 * The data set in the order in which the network stores its input. Pictures of another size than the network's stay as they
 * are: what reads them says what does not fit.
 */
export function inNetworkOrder(data: Dataset, input: NetworkInputShape | undefined): Dataset {
  if (input?.declared === undefined) return data;
  const order = networkOrder(data.shape, input);
  if (order === null) return data;
  const { shape, places } = order;
  if (places === null) return { ...data, shape };
  const size = elementsOf(shape);
  return {
    ...data,
    shape,
    async read(first, count) {
      const batch = await data.read(first, count);
      const values = new Float32Array(batch.values.length);
      for (let image = 0; image < count; image++) {
        const own = batch.values.subarray(image * size, (image + 1) * size);
        values.set(permuted(own, places), image * size);
      }
      return { ...batch, values };
    },
  };
}

function permuted<Values extends Elements>(elements: Values, places: Int32Array | null): Values {
  if (places === null) return elements;
  const out = elements.slice();
  for (let index = 0; index < places.length; index++) out[index] = elements[places[index] ?? 0] ?? 0;
  return out as Values;
}
