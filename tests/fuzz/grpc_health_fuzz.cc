// Answers to grpc.health.v1.Health/Check of hostile servers: read within their bounds, and what is read has a name; a
// framed answer of ours is read as it was meant.
#include "upstream/grpc_health.h"

#include <string>

#include "fuzz.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = text_of(data, size);
  if (auto status = upstream::read_grpc_health(bytes)) {
    CLAIM(!upstream::serving_status_name(*status).empty());
    CLAIM(!upstream::read_grpc_health(std::string(bytes) + 'x'));   // one message, and nothing behind it
  }
  std::string message(bytes.substr(0, 200));
  std::string framed = std::string(4, '\0') + static_cast<char>(message.size()) + message;
  auto read = upstream::read_grpc_health(framed);
  auto then = upstream::read_grpc_health(std::string(4, '\0') + static_cast<char>(message.size() + 2) + message + "\x08\x01");
  if (read) CLAIM(then == upstream::ServingStatus::serving);        // the last one counts
  std::string request = upstream::grpc_health_request(message);
  CLAIM(request.ends_with(message) && request.size() <= message.size() + 8);
  return 0;
}
