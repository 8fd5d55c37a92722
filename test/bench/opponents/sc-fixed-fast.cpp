// Matrix products in SystemC's sc_fixed_fast, as the benchmark asks for them: every product rounded to nearest, ties away
// from zero, and saturated, every addition saturated, in order.
//
//   sc-fixed-fast <work>...
//
// A work is a file of 32-bit integers: pixels, filters, steps, input words, pixel offsets, step offsets, input, weights
// (step by step). Says "ready <version>", then answers lines of standard input: "run" computes all works once, "sums"
// writes the raws of all sums.
// W and F come from the compiler's command line: -DWORD_LENGTH=16 -DFRACTION_LENGTH=8.

#define SC_INCLUDE_FX
#include <systemc>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Word = sc_dt::sc_fixed_fast<WORD_LENGTH, WORD_LENGTH - FRACTION_LENGTH, sc_dt::SC_RND_INF, sc_dt::SC_SAT>;

std::vector<int32_t> integers(std::ifstream& file, size_t count) {
  std::vector<int32_t> values(count);
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(int32_t)));
  if (!file) throw std::runtime_error("a work ends early");
  return values;
}

std::vector<Word> words(std::ifstream& file, size_t count) {
  std::vector<Word> result;
  for (int32_t raw : integers(file, count)) result.push_back(Word(std::ldexp(static_cast<double>(raw), -FRACTION_LENGTH)));
  return result;
}

struct Work {
  size_t pixels, filters, steps;
  std::vector<int32_t> pixelOffsets, stepOffsets;
  std::vector<Word> input, columns, sums;

  explicit Work(const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<int32_t> header = integers(file, 4);
    pixels = header[0];
    filters = header[1];
    steps = header[2];
    pixelOffsets = integers(file, pixels);
    stepOffsets = integers(file, steps);
    input = words(file, header[3]);
    const std::vector<Word> weights = words(file, steps * filters);
    columns.resize(steps * filters);
    for (size_t step = 0; step < steps; step++) {
      for (size_t filter = 0; filter < filters; filter++) columns[filter * steps + step] = weights[step * filters + filter];
    }
    sums.resize(pixels * filters);
  }

  void run() {
    for (size_t pixel = 0; pixel < pixels; pixel++) {
      const Word* patch = input.data() + pixelOffsets[pixel];
      for (size_t filter = 0; filter < filters; filter++) {
        const Word* column = columns.data() + filter * steps;
        Word sum = 0;
        for (size_t step = 0; step < steps; step++) {
          const Word product = patch[stepOffsets[step]] * column[step];
          sum += product;
        }
        sums[pixel * filters + filter] = sum;
      }
    }
  }
};

}  // namespace

int sc_main(int count, char* arguments[]) {
  std::vector<Work> works;
  for (int index = 1; index < count; index++) works.emplace_back(arguments[index]);
  std::cout << "ready SystemC " << SC_VERSION << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "run") {
      for (Work& work : works) work.run();
    } else if (line == "sums") {
      for (const Work& work : works) {
        for (const Word& sum : work.sums) std::cout << std::lround(std::ldexp(sum.to_double(), FRACTION_LENGTH)) << ' ';
      }
    }
    std::cout << std::endl;
  }
  return 0;
}
