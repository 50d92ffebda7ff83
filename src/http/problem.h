// Every response that the gateway makes itself comes from here: RFC 9457 problem details, or a small
// HTML or plain form by Accept. Each Problem is a constexpr beside the code that makes it; the catalogue
// (proxy/catalogue.h) collects them and a test proves that none is missing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

struct Problem {
  uint16_t status;
  std::string_view code;     // stable, snake_case: also the fragment of the type URI
  std::string_view title;    // short, constant
  std::string_view detail;   // what happened and what to do, constant: no input is echoed
  bool close = false;        // the connection cannot be used after it
};

/// Types are "https://sluice.dev/errors#CODE"; docs/errors.md has one heading per code.
inline constexpr std::string_view kProblemTypeBase = "https://sluice.dev/errors#";

enum class ProblemForm : uint8_t { json, html, plain };
/// The best form for an Accept value: JSON unless HTML (or plain text) is preferred. see: RFC 9110 section 12.5.1
ProblemForm problem_form(std::string_view accept);
std::string_view problem_content_type(ProblemForm form);
/// gives: the body. `request_id` is put in "instance" (JSON) or a line of its own, and so is `rule`, the name of what
/// decided, unless it is empty
std::string render_problem(const Problem& problem, ProblemForm form, std::string_view request_id,
                           std::string_view rule = {});

}  // namespace sluice::http
