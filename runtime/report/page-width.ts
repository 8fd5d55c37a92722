/** How wide the page is that texts are rendered for: a terminal's columns while one is written for, else without an end. */
let columns = Number.POSITIVE_INFINITY;

export function pageWidth(): number {
  return columns;
}

/** Renders for a page of so many columns; undefined where nothing says how many. */
export function onPage<Text>(width: number | undefined, render: () => Text): Text {
  const before = columns;
  columns = width === undefined || width <= 0 ? Number.POSITIVE_INFINITY : width;
  try {
    return render();
  } finally {
    columns = before;
  }
}
