// What the admin listener shows. Nothing here holds a secret; what names a person (/keys, /connections) is for the control
// socket alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/keeper.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::admin {

struct Page {
  uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string_view allow{};   // of a 405
  std::string_view retry_after{};
};

/// What somebody at an admin listener may do.
enum class Rights : uint8_t { none, look, change };

/// Who is at the other end; uid and pid are known on the control socket only.
struct Peer {
  Rights rights = Rights::look;
  uint32_t uid = 0;
  int32_t pid = 0;
  bool refused = false;   // one connection too many
};

/// What must be done before there is an answer.
enum class Need : uint8_t {
  nothing,        // make_page answers
  reload,         // "POST /reload" on the control socket
  count,          // "GET /status": what is in flight by route
  look, close,    // "GET /connections" and "POST /connections/close" there
};
Need need_of(const http::Head& request, const Peer& peer);

/// A look at who holds which API key: "GET /keys" there.
bool is_key_list(const http::Head& request, const Peer& peer);

/// Answers what needs nothing. gives: 404 for other paths, 405 for other methods, 403 for who may not even look
Page make_page(const http::Head& request, const control::Keeper& keeper, const Peer& peer);

/// What a connection beyond the limit is told, whatever it asks.
Page overloaded_page(const http::Head& request);

/// The form in which every refusal of the gateway is said.
Page problem_page(const http::Problem& problem, const http::Head& request);

}  // namespace sluice::admin
