#include "meter-proto/base/result.h"

namespace electra {

std::string_view result_name(Result result) noexcept {
  switch (result) {
#define ELECTRA_RESULT_NAME(name, number, text) \
  case Result::name: return #name;
    ELECTRA_RESULTS(ELECTRA_RESULT_NAME)
#undef ELECTRA_RESULT_NAME
  }
  return "unknown_result";
}

std::string_view result_text(Result result) noexcept {
  switch (result) {
#define ELECTRA_RESULT_TEXT(name, number, text) \
  case Result::name: return text;
    ELECTRA_RESULTS(ELECTRA_RESULT_TEXT)
#undef ELECTRA_RESULT_TEXT
  }
  return "no text for this result code";
}

}  // namespace electra
