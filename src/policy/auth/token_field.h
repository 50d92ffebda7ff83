// Where a bearer token stands in a request (RFC 6750 section 2.1; subprotocol.h), and what is answered about it.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "http/problem.h"
#include "policy/auth/subprotocol.h"

namespace sluice::policy {

class TokenField {
 public:
  /// `header`: in Authorization with the scheme Bearer; in another field the scheme may be left out.
  /// `cookie`: the name of a cookie that may hold it instead; empty: none does
  /// `subprotocol`: in Sec-WebSocket-Protocol too, behind this name; empty: not there
  TokenField(std::string header, std::string cookie, const std::string& subprotocol);

  struct Given {
    std::string_view token;
    size_t count = 0;   // credentials of this kind
  };
  Given find(const http::Head& request) const;
  /// In any spelling of the field's name; of cookies only that one.
  void remove(http::Head& request, Arena& arena) const;
  void clean(http::Head& response) const { subprotocol_.clean(response); }

  /// The value of WWW-Authenticate. `problem`: why a token was refused; null: there was none
  static std::string_view challenge(std::string_view realm_text, Arena& arena, const http::Problem* problem);

 private:
  void remove_cookie(http::Head& request, Arena& arena) const;

  std::string header_;
  std::string cookie_;
  http::FieldId id_;
  Subprotocol subprotocol_;
  bool bearer_;   // the field has a scheme before the token
};

}  // namespace sluice::policy
