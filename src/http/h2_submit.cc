// What an HTTP/2 session hands to nghttp2: heads, trailers, and that it leaves.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "http/h2_session.h"

namespace sluice::http {
namespace {

/// nghttp2 takes bytes that are not const, and leaves them as they are.
nghttp2_nv pair_of(const H2Field& field, uint8_t flags) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags};
}

}  // namespace

void H2Session::submit(H2Stream& stream, const H2FieldWriter::Fields& fields, End end) {
  constexpr size_t kUsual = 48;
  std::array<nghttp2_nv, kUsual> usual;
  std::vector<nghttp2_nv> many(fields.size() > kUsual ? fields.size() : 0);
  nghttp2_nv* list = many.empty() ? usual.data() : many.data();
  // What is framed before this returns need not be copied; a request may wait for its turn.
  uint8_t values = server_ && !busy_ ? NGHTTP2_NV_FLAG_NO_COPY_VALUE : NGHTTP2_NV_FLAG_NONE;
  indexing_.begin_list();
  for (size_t i = 0; i < fields.size(); ++i) {
    const H2Field& field = fields[i];
    uint8_t names = field.lower ? NGHTTP2_NV_FLAG_NO_COPY_NAME : NGHTTP2_NV_FLAG_NONE;
    if (!indexing_.may_hold(field)) names |= NGHTTP2_NV_FLAG_NO_INDEX;
    list[i] = pair_of(field, static_cast<uint8_t>(names | values));
  }
  uint8_t flags = end == End::yes ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  int32_t to = stream.id_ == 0 ? -1 : stream.id_;
  int32_t id = nghttp2_submit_headers(session_.get(), flags, to, nullptr, list, fields.size(), &stream);
  if (stream.id_ == 0 && id > 0) stream.id_ = id;
  flush();
  update_phase();
}

// A HEADERS frame needs no window, and nghttp2 sends it before any DATA.
void H2Session::submit_trailers(H2Stream& stream, const Fields& trailers) {
  const H2FieldWriter::Fields& fields = writer_.trailers(trailers);
  if (stream.out_.empty()) {
    frame_trailers(stream.id_, fields);
    return flush();
  }
  for (const H2Field& field : fields) stream.trailers_.emplace_back(field.name, field.value);
  submit_data(stream);
}

void H2Session::frame_kept_trailers(H2Stream& stream) {
  H2FieldWriter::Fields fields;
  for (const auto& [name, value] : stream.trailers_) fields.push_back({name, value});
  frame_trailers(stream.id_, fields);
  stream.trailers_.clear();
}

void H2Session::frame_trailers(int32_t id, const H2FieldWriter::Fields& fields) {
  std::vector<nghttp2_nv> list;
  list.reserve(fields.size());
  for (const H2Field& field : fields) list.push_back(pair_of(field, NGHTTP2_NV_FLAG_NONE));
  nghttp2_submit_trailer(session_.get(), id, list.data(), list.size());
}

void H2Session::submit_goaway(Last last) {
  if (finished_) return;
  if (last == Last::any) {
    nghttp2_submit_shutdown_notice(session_.get());
  } else if (!goaway_sent_) {
    goaway_sent_ = true;
    int32_t id = nghttp2_session_get_last_proc_stream_id(session_.get());
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR, nullptr, 0);
  }
  flush();
}

}  // namespace sluice::http
