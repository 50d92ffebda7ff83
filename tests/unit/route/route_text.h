// Routes and requests written on one line, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/text.h"
#include "http/message.h"
#include "route/router.h"
#include "route/router_builder.h"

namespace sluice::route {

inline NamedMatch named(std::string_view text) {
  size_t equals = text.find('=');
  return {std::string(text.substr(0, equals)), *ValueMatch::parse(text.substr(equals + 1))};
}

/// "[METHOD[,METHOD]] [HOST]/PATH [Header=match] [?query=match] [!priority]"
inline RouteMatch route(const std::string& text) {
  RouteMatch match;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    size_t slash = word == "*" ? 0 : word.find('/');
    if (word[0] == '!') {
      match.priority = std::stoi(word.substr(1));
    } else if (word[0] == '?') {
      match.queries.push_back(named(word.substr(1)));
    } else if (word.find('=') != std::string::npos) {
      match.headers.push_back(named(word));
    } else if (slash != std::string::npos) {
      if (slash > 0) match.hosts.push_back(*HostPattern::parse(word.substr(0, slash)));
      match.path = *Pattern::parse(word.substr(slash));
    } else {
      match.methods = {};
      std::istringstream names(word);
      for (std::string name; std::getline(names, name, ',');) {
        match.methods.add(http::method_from(name));
      }
    }
  }
  return match;
}

inline std::vector<RouteMatch> routes(const std::vector<std::string>& texts) {
  std::vector<RouteMatch> out;
  for (const std::string& text : texts) out.push_back(route(text));
  return out;
}

/// "METHOD [HOST]/PATH[?QUERY] [Header=value]"; the method may be left out for GET
class Request {
 public:
  explicit Request(const std::string& line) : text_(line), head_(arena_) {
    std::string_view rest = text_;
    std::string_view word = next(rest);
    head_.method = http::method_from(word);
    if (head_.method == http::Method::unknown) {
      head_.method = http::Method::get;
    } else {
      word = next(rest);
    }
    head_.asterisk = word.ends_with("*") && word.find('/') == std::string_view::npos;
    size_t path = head_.asterisk ? word.size() - 1 : word.find('/');
    head_.host = word.substr(0, path);
    head_.path = word.substr(path, word.find('?') - path);
    head_.has_query = word.find('?') != std::string_view::npos;
    if (head_.has_query) head_.query = word.substr(word.find('?') + 1);
    while (!rest.empty()) {
      word = next(rest);
      size_t equals = word.find('=');
      head_.fields.add(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  const http::Head& head() const { return head_; }

 private:
  static std::string_view next(std::string_view& rest) {
    std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    return word;
  }
  std::string text_;
  BlockPool pool_;
  Arena arena_{pool_};
  http::Head head_;
};

/// What a router says to a request, as text: "3 id=7 **=a/b", "none" or "405 GET, HEAD".
inline std::string answer(const Router& router, const std::string& line) {
  Request request(line);
  Params params;
  MatchResult result = router.match(request.head(), params);
  BlockPool pool;
  Arena arena(pool);
  switch (result.outcome) {
    case MatchResult::Outcome::not_found:
      return "none";
    case MatchResult::Outcome::method_not_allowed:
      return "405 " + std::string(allow_text(result.allowed, arena));
    case MatchResult::Outcome::found:
      break;
  }
  std::string out = std::to_string(result.route);
  for (const std::string& name : router.params(result.route)) {
    out += " " + name + "=" + std::string(*params.get(name));
  }
  return out;
}

struct Case {
  std::string request;
  std::string answer;
};

/// The answers do not depend on the order of the routes: each is asked for in order and in reverse.
inline void expect_answers(const std::vector<std::string>& texts, const std::vector<Case>& cases) {
  auto router = build(routes(texts));
  auto reverse = build(routes({texts.rbegin(), texts.rend()}));
  ASSERT_TRUE(router) << router.error()[0].text;
  ASSERT_TRUE(reverse);
  for (const Case& one : cases) {
    EXPECT_EQ(answer(*router, one.request), one.answer) << one.request;
    std::string back = answer(*reverse, one.request);
    if (is_digit(back[0]) && !back.starts_with("405 ")) {
      size_t end = std::min(back.find(' '), back.size());
      back = std::to_string(texts.size() - 1 - std::stoul(back)) + back.substr(end);
    }
    EXPECT_EQ(back, one.answer) << "reversed: " << one.request;
  }
}

}  // namespace sluice::route
