#include "server/preface_reader.h"

#include <algorithm>
#include <string>

namespace sluice::server {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

void PrefaceReader::feed(const Slice& bytes) {
  if (bytes.size >= kPreface.size()) {
    bytes_.append(bytes);
  } else {
    bytes_.append_copy(owner_->blocks(), bytes.view());   // they would pin a read buffer
  }
  std::string begin = bytes_.share().split(std::min(bytes_.size(), kPreface.size())).to_string();
  bool is_h2 = kPreface.starts_with(begin);
  if (is_h2 && begin.size() < kPreface.size()) return;
  owner_->on_protocol(is_h2 ? http::Version::h2 : http::Version::h1_1, std::move(bytes_));
}

}  // namespace sluice::server
