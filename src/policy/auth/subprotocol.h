// Credentials among the subprotocols of a WebSocket's handshake, where a page of a browser can put them; it can set no
// other field: "Sec-WebSocket-Protocol: app.v1, bearer.TOKEN". Kubernetes has the same.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace sluice::policy {

class Subprotocol {
 public:
  /// `name`: what stands before the dot; empty: nothing is looked for
  explicit Subprotocol(const std::string& name) : prefix_(name.empty() ? name : name + ".") {}

  bool empty() const { return prefix_.empty(); }
  struct Given {
    std::string_view credential;
    size_t count = 0;
  };
  /// Of a request for a WebSocket; any other has none.
  Given find(const http::Head& request) const;
  /// Takes every one out of the list. gives: whether there was one
  bool remove(http::Head& request, Arena& arena) const;
  /// An upstream that was shown the credential may have chosen it as the subprotocol: nobody is told that.
  void clean(http::Head& response) const;

 private:
  std::string prefix_;
};

}  // namespace sluice::policy
