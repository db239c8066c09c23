// From text to terms.
#ifndef VSEG_DEMO_LSA_TERMS_H_
#define VSEG_DEMO_LSA_TERMS_H_

#include <string>
#include <vector>

namespace vseg::demo {

// The terms of an English text in their order: runs of ASCII letters and digits, in lower case,
// singular, without function words.
std::vector<std::string> terms_of(const std::string& text);

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_TERMS_H_
