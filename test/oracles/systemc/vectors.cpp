// Writes what SystemC's sc_fix and sc_ufix (the run-time parametrised sc_fixed and sc_ufixed) make of every 9-bit word,
// to standard output. The layout is in README.md.

#define SC_INCLUDE_FX
#include <systemc>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr int kSourceBits = 9;
constexpr int kSourceFraction = 4;
constexpr int kMinWordLength = 1, kMaxWordLength = 10;
constexpr int kMinFraction = -2, kMaxFraction = 7;

const std::vector<sc_dt::sc_q_mode> kRoundings = {
    sc_dt::SC_TRN,     sc_dt::SC_TRN_ZERO,    sc_dt::SC_RND,      sc_dt::SC_RND_ZERO,
    sc_dt::SC_RND_INF, sc_dt::SC_RND_MIN_INF, sc_dt::SC_RND_CONV};

struct Overflow {
  sc_dt::sc_o_mode mode;
  int saturatedBits;
};

std::vector<Overflow> overflows(int wordLength, bool isSigned) {
  std::vector<Overflow> all = {{sc_dt::SC_SAT, 0}, {sc_dt::SC_SAT_ZERO, 0}, {sc_dt::SC_SAT_SYM, 0}};
  for (int n = 0; n <= wordLength; n++) all.push_back({sc_dt::SC_WRAP, n});
  if (isSigned) {
    for (int n = 0; n <= wordLength; n++) all.push_back({sc_dt::SC_WRAP_SM, n});
  }
  return all;
}

// Every 9-bit signed word, then every 9-bit unsigned one, as exact SystemC values.
std::vector<sc_dt::sc_fxval> sources() {
  std::vector<sc_dt::sc_fxval> all;
  for (int raw = -(1 << (kSourceBits - 1)); raw < 1 << (kSourceBits - 1); raw++) {
    sc_dt::sc_fix word(kSourceBits, kSourceBits - kSourceFraction);
    word = std::ldexp(static_cast<double>(raw), -kSourceFraction);
    all.push_back(word);
  }
  for (int raw = 0; raw < 1 << kSourceBits; raw++) {
    sc_dt::sc_ufix word(kSourceBits, kSourceBits - kSourceFraction);
    word = std::ldexp(static_cast<double>(raw), -kSourceFraction);
    all.push_back(word);
  }
  return all;
}

template <typename Target>
std::string results(const std::vector<sc_dt::sc_fxval>& values, int wordLength, int fraction, sc_dt::sc_q_mode rounding,
                    const Overflow& overflow) {
  std::string bytes;
  for (const sc_dt::sc_fxval& value : values) {
    Target target(wordLength, wordLength - fraction, rounding, overflow.mode, overflow.saturatedBits);
    target = value;
    const auto raw = static_cast<int16_t>(std::ldexp(target.to_double(), fraction));
    bytes.push_back(static_cast<char>(raw & 0xff));
    bytes.push_back(static_cast<char>((raw >> 8) & 0xff));
  }
  return bytes;
}

void writeUint32(uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) std::putchar(static_cast<int>((value >> shift) & 0xff));
}

}  // namespace

int sc_main(int, char*[]) {
  const std::vector<sc_dt::sc_fxval> values = sources();
  std::map<std::string, uint32_t> known;
  std::vector<const std::string*> distinct;
  std::vector<uint32_t> groups;

  for (int isSigned = 1; isSigned >= 0; isSigned--) {
    for (int wordLength = kMinWordLength; wordLength <= kMaxWordLength; wordLength++) {
      for (int fraction = kMinFraction; fraction <= kMaxFraction; fraction++) {
        for (const Overflow& overflow : overflows(wordLength, isSigned != 0)) {
          for (const sc_dt::sc_q_mode rounding : kRoundings) {
            const std::string bytes = isSigned != 0
                                          ? results<sc_dt::sc_fix>(values, wordLength, fraction, rounding, overflow)
                                          : results<sc_dt::sc_ufix>(values, wordLength, fraction, rounding, overflow);
            const auto [entry, isNew] = known.emplace(bytes, static_cast<uint32_t>(distinct.size()));
            if (isNew) distinct.push_back(&entry->first);
            groups.push_back(entry->second);
          }
        }
      }
    }
  }

  writeUint32(static_cast<uint32_t>(groups.size()));
  writeUint32(static_cast<uint32_t>(distinct.size()));
  for (const uint32_t index : groups) writeUint32(index);
  for (const std::string* bytes : distinct) std::fwrite(bytes->data(), 1, bytes->size(), stdout);
  return 0;
}
