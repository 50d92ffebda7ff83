// The access log's templates: any text as a template, any bytes as values. What is accepted gives one
// line, whatever the values hold, within the room that was asked for.
#include <string>

#include "base/arena.h"
#include "fuzz.h"
#include "observe/log_line.h"

using namespace sluice;
using namespace sluice::observe;

namespace {

// The first line is the template, the second a value; what follows is another.
std::string_view take_line(std::string_view& text) {
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void check_line(const LogFormat& format, const AccessRecord& record, Queries queries) {
  TemplateLine line(format, record, queries);
  CLAIM(line.worst() <= TemplateLine::kWorstMax);
  std::string out(line.worst(), '\n');
  TimeText time;
  ClfTimeText clf_time;
  char* end = line.write(out.data(), time, clf_time);
  CLAIM(end <= out.data() + out.size());
  out.resize(static_cast<size_t>(end - out.data()));
  CLAIM(out.find('\n') == out.size() - 1);
  for (char c : std::string_view(out).substr(0, out.size() - 1)) {
    auto byte = static_cast<unsigned char>(c);
    CLAIM((byte >= ' ' || byte == '\t') && byte != 0x7f);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = text_of(data, size);
  std::string_view text = take_line(rest);
  std::string_view value = take_line(rest);
  auto format = LogFormat::parse(text);
  if (!format) {
    CLAIM(format.error().offset <= text.size() && !format.error().why.empty());
    return 0;
  }
  if (format->is_json()) return 0;
  BlockPool pool;
  Arena arena(pool);
  http::Fields fields(arena);
  fields.add(http::FieldId::accept, value);
  const NamedValue params[] = {{"id", rest}};
  AccessRecord record;
  record.method = record.version = record.authority = value;
  record.path = record.query = record.user_agent = record.referer = record.route = rest;
  record.fields = &fields;
  record.params = params;
  check_line(*format, record, Queries::left_out);
  check_line(*format, record, Queries::written);
  auto again = LogFormat::parse(format->text());
  CLAIM(again && again->parts().size() == format->parts().size());
  return 0;
}
