#include "http/problem.h"

#include "base/text.h"

namespace sluice::http {

namespace {

constexpr int kFull = 1000;   // weights are counted in thousandths

/// The weight of "q=0.5" in the parameters of one Accept element; 1 where none is given or it is
/// broken.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = trim_ows(parameters.substr(0, parameters.find(';')));
    size_t next = parameters.find(';');
    parameters.remove_prefix(next == std::string_view::npos ? parameters.size() : next + 1);
    if (!starts_with_ignore_case(parameter, "q=")) continue;
    std::string_view number = parameter.substr(2);
    if (number.empty() || (number[0] != '0' && number[0] != '1')) return kFull;
    int weight = number[0] == '1' ? kFull : 0;
    int unit = 100;
    for (size_t i = 2; i < number.size() && i < 5 && number[1] == '.' && is_digit(number[i]); ++i) {
      weight += (number[i] - '0') * unit;
      unit /= 10;
    }
    return weight > kFull ? kFull : weight;
  }
  return kFull;
}

/// The weight of one form, from the most specific range that matches it.
struct Preference {
  int specificity = -1;   // 0 */*, 1 type/*, 2 type/subtype
  int weight = 0;
  void offer(int how_specific, int how_much) {
    if (how_specific < specificity) return;
    if (how_specific == specificity && how_much < weight) return;
    specificity = how_specific;
    weight = how_much;
  }
};

struct Preferences {
  Preference json, html, plain;

  void offer(std::string_view range, int weight) {
    auto is = [range](std::string_view name) { return equals_ignore_case(range, name); };
    if (is("*/*")) {
      for (Preference* form : {&json, &html, &plain}) form->offer(0, weight);
    } else if (is("text/*")) {
      for (Preference* form : {&html, &plain}) form->offer(1, weight);
    } else if (is("application/*")) {
      json.offer(1, weight);
    } else if (is("application/problem+json") || is("application/json")) {
      json.offer(2, weight);
    } else if (is("text/html") || is("application/xhtml+xml")) {
      html.offer(2, weight);
    } else if (is("text/plain")) {
      plain.offer(2, weight);
    }
  }
};

void append_html(std::string& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

std::string render_json(const Problem& problem, std::string_view request_id, std::string_view rule) {
  std::string out = "{\"type\":\"";
  auto text = [&out](std::string_view before, std::string_view value) {
    out += before;
    append_json(out, value);
  };
  out += kProblemTypeBase;
  out += problem.code;
  text("\",\"title\":\"", problem.title);
  out += "\",\"status\":" + std::to_string(problem.status);
  text(",\"detail\":\"", problem.detail);
  if (!request_id.empty()) text("\",\"instance\":\"urn:request:", request_id);
  text("\",\"code\":\"", problem.code);
  if (!rule.empty()) text("\",\"rule\":\"", rule);
  return out += "\"}\n";
}

std::string render_html(const Problem& problem, std::string_view request_id, std::string_view rule) {
  std::string status = std::to_string(problem.status);
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + status + " ";
  append_html(out, problem.title);
  out += "</title></head>\n<body><h1>" + status + " ";
  append_html(out, problem.title);
  out += "</h1>\n<p>";
  append_html(out, problem.detail);
  out += "</p>\n<p><a href=\"";
  append_html(out, kProblemTypeBase);
  append_html(out, problem.code);
  out += "\">";
  append_html(out, problem.code);
  out += "</a></p>\n";
  auto line = [&out](std::string_view label, std::string_view value) {
    if (value.empty()) return;
    out += "<p>";
    out += label;
    out += " <code>";
    append_html(out, value);
    out += "</code></p>\n";
  };
  line("Rule", rule);
  line("Request", request_id);
  return out += "</body></html>\n";
}

std::string render_plain(const Problem& problem, std::string_view request_id, std::string_view rule) {
  std::string out = std::to_string(problem.status) + " ";
  out += problem.title;
  out += '\n';
  out += problem.detail;
  out += '\n';
  out += kProblemTypeBase;
  out += problem.code;
  out += '\n';
  if (!rule.empty()) out += "Rule " + printable(rule, rule.size()) + "\n";
  if (!request_id.empty()) out += "Request " + printable(request_id, request_id.size()) + "\n";
  return out;
}

}  // namespace

ProblemForm problem_form(std::string_view accept) {
  Preferences wanted;
  each_list_element(accept, [&wanted](std::string_view element) {
    size_t end = element.find(';');
    int weight = end == std::string_view::npos ? kFull : weight_of(element.substr(end + 1));
    wanted.offer(trim_ows(element.substr(0, end)), weight);
    return true;
  });
  int best = wanted.html.weight > wanted.plain.weight ? wanted.html.weight : wanted.plain.weight;
  if (best <= wanted.json.weight) return ProblemForm::json;
  return wanted.html.weight == best ? ProblemForm::html : ProblemForm::plain;
}

std::string_view problem_content_type(ProblemForm form) {
  switch (form) {
    case ProblemForm::json: return "application/problem+json";
    case ProblemForm::html: return "text/html; charset=utf-8";
    case ProblemForm::plain: return "text/plain; charset=utf-8";
  }
  return "";
}

std::string render_problem(const Problem& problem, ProblemForm form, std::string_view request_id,
                           std::string_view rule) {
  switch (form) {
    case ProblemForm::json: return render_json(problem, request_id, rule);
    case ProblemForm::html: return render_html(problem, request_id, rule);
    case ProblemForm::plain: return render_plain(problem, request_id, rule);
  }
  return {};
}

}  // namespace sluice::http
