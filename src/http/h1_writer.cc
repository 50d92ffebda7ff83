#include "http/h1_writer.h"

#include <charconv>

#include "base/short_copy.h"
#include "base/text.h"
#include "http/status.h"

namespace sluice::http {
namespace {

// Bytes appended one after the other into memory whose size was computed before.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  void put(std::string_view text) { at_ = copy_short(at_, text.data(), text.size()); }
  void put(char c) { *at_++ = c; }
  void number(uint64_t value) { at_ = write_decimal(at_, value); }
  void hexadecimal(uint64_t value) { at_ = std::to_chars(at_, at_ + 16, value, 16).ptr; }
  void field(std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

size_t fields_size(const Fields& fields) {
  size_t size = 0;
  for (const Field& field : fields) size += field.name_size + field.value_size + 4;
  return size;
}

void put_fields(const Fields& fields, Cursor& cursor) {
  Cursor out = cursor;   // a copy that nobody else sees stays in a register
  for (const Field& field : fields) out.field(field.name(), field.value());
  cursor = out;
}

// Content-Length (38) or Transfer-Encoding (28), Connection (24), Expect (22), the name of Upgrade (11)
constexpr size_t kFramingSize = 128;

void put_framing(const H1Framing& framing, Cursor& out) {
  if (framing.content_length) {
    out.put("Content-Length: ");
    out.number(*framing.content_length);
    out.put("\r\n");
  }
  if (framing.chunked) out.put("Transfer-Encoding: chunked\r\n");
  if (!framing.connection.empty()) out.field("Connection", framing.connection);
  if (!framing.upgrade.empty()) out.field("Upgrade", framing.upgrade);
}

// Room for `most` bytes, filled by fill(Cursor&).
template <class Fill>
void append_filled(size_t most, BlockPool& blocks, Chain& out, Fill fill) {
  if (most <= BlockPool::kSmall) {
    Slice slice = blocks.scratch(most);
    Cursor cursor(const_cast<char*>(slice.data));
    fill(cursor);
    slice.size = static_cast<size_t>(cursor.at() - slice.data);
    blocks.shrink_scratch(cursor.at());
    return out.append(slice);
  }
  BlockRef block = blocks.take(most);
  Cursor cursor(block->data());
  fill(cursor);
  out.append(Slice{block.get(), block->data(), static_cast<size_t>(cursor.at() - block->data())});
}

}  // namespace

void write_request_head(const Head& head, const H1Framing& framing, BlockPool& blocks, Chain& out) {
  std::string_view method = method_name(head.method);
  size_t most = method.size() + head.path.size() + head.query.size() + head.authority.size() + 32 +
                fields_size(head.fields) + framing.upgrade.size() + kFramingSize;
  append_filled(most, blocks, out, [&](Cursor& cursor) {
    cursor.put(method);
    cursor.put(' ');
    cursor.put(head.asterisk ? std::string_view("*") : head.path);
    if (head.has_query) {
      cursor.put('?');
      cursor.put(head.query);
    }
    cursor.put(" HTTP/1.1\r\n");
    cursor.field("Host", head.authority);
    put_fields(head.fields, cursor);
    put_framing(framing, cursor);
    if (head.expect_continue) cursor.put("Expect: 100-continue\r\n");
    cursor.put("\r\n");
  });
}

void write_response_head(const Head& head, const H1Framing& framing, BlockPool& blocks, Chain& out) {
  std::string_view reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  size_t most = 32 + reason.size() + fields_size(head.fields) + framing.upgrade.size() + kFramingSize;
  append_filled(most, blocks, out, [&](Cursor& cursor) {
    cursor.put("HTTP/1.1 ");
    cursor.number(head.status);
    cursor.put(' ');
    cursor.put(reason);
    cursor.put("\r\n");
    put_fields(head.fields, cursor);
    put_framing(framing, cursor);
    cursor.put("\r\n");
  });
}

void write_chunk(Chain bytes, BlockPool& blocks, Chain& out) {
  if (bytes.empty()) return;
  append_filled(20, blocks, out, [&](Cursor& cursor) {
    cursor.hexadecimal(bytes.size());
    cursor.put("\r\n");
  });
  out.append(std::move(bytes));
  append_filled(2, blocks, out, [](Cursor& cursor) { cursor.put("\r\n"); });
}

void write_last_chunk(const Fields* trailers, BlockPool& blocks, Chain& out) {
  size_t most = 8 + (trailers ? fields_size(*trailers) : 0);
  append_filled(most, blocks, out, [&](Cursor& cursor) {
    cursor.put("0\r\n");
    if (trailers) put_fields(*trailers, cursor);
    cursor.put("\r\n");
  });
}

}  // namespace sluice::http
