#include "policy/signature/structured_field.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/text.h"
#include "http/token.h"

namespace sluice::policy {
namespace {

/// What has no known number yet, with a limit; its copy lives in the arena.
template <class T, size_t kMax>
class Collected {
 public:
  bool full() const { return count_ == kMax; }
  T& add(const T& value) { return all_[count_++] = value; }
  std::span<const T> here() const { return {all_.data(), count_}; }
  std::span<const T> keep(Arena& arena) const {
    T* copy = arena.array<T>(count_);
    std::copy_n(all_.data(), count_, copy);
    return {copy, count_};
  }

 private:
  std::array<T, kMax> all_;
  size_t count_ = 0;
};

bool is_key_start(char c) {
  return (c >= 'a' && c <= 'z') || c == '*';
}
bool is_key_char(char c) {
  return is_key_start(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}

/// Reads from the front of the text. Each function gives false with `error` set.
class FieldReader {
 public:
  FieldReader(std::string_view text, Arena& arena) : rest_(text), arena_(&arena) {}

  bool begin() {
    if (rest_.size() > kStructuredBytesMax) return too_large("a field of more than 16 KiB");
    skip_spaces();
    return true;
  }
  bool at_end() {
    skip_spaces();
    return rest_.empty() || bad("something after the value");
  }
  template <class ReadMember>
  bool members(Members& out, ReadMember read_member);
  bool dictionary_member(Member& out);
  bool list_member(Member& out) { return value_of(out); }
  bool item(StructuredItem& out) {
    return bare_item(out.value) && parameters(out.parameters);
  }

  Error error;

 private:
  bool fail(Code code, const char* what) {
    error = {code, Side::client, Progress::unsent, what};
    return false;
  }
  bool bad(const char* what) { return fail(Code::bad_value, what); }
  bool too_large(const char* what) { return fail(Code::too_large, what); }

  char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (front() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) continue;
  }
  void skip_blanks() {   // tabs are allowed between members alone
    while (take(' ') || take('\t')) continue;
  }
  std::string_view take_front(size_t size) {
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bool key(std::string_view& out);
  bool value_of(Member& out);
  bool inner_list(Member& out);
  bool parameters(Parameters& out);
  bool bare_item(BareItem& out);
  bool number(BareItem& out);
  bool date(BareItem& out);
  bool string(BareItem& out);
  bool token(BareItem& out);
  bool bytes(BareItem& out);
  bool boolean(BareItem& out);

  std::string_view rest_;
  Arena* arena_;
};

template <class ReadMember>
bool FieldReader::members(Members& out, ReadMember read_member) {
  Collected<Member, kStructuredMembersMax> all;
  while (!rest_.empty()) {
    Member member;
    if (all.full()) return too_large("more than 64 members");
    if (!read_member(member)) return false;
    if (!member.key.empty() && find_member(all.here(), member.key) != nullptr)
      return bad("a key that is there twice");
    all.add(member);
    skip_blanks();
    if (rest_.empty()) break;
    if (!take(',')) return bad("no comma between two members");
    skip_blanks();
    if (rest_.empty()) return bad("a comma at the end");
  }
  out = all.keep(*arena_);
  return true;
}

bool FieldReader::dictionary_member(Member& out) {
  if (!key(out.key)) return false;
  if (take('=')) return value_of(out);
  return parameters(out.parameters);   // alone: true
}

bool FieldReader::key(std::string_view& out) {
  if (!is_key_start(front())) return bad("no key where one must be");
  size_t size = 0;
  while (size < rest_.size() && is_key_char(rest_[size])) ++size;
  if (size > kStructuredKeyBytesMax) return too_large("a key of more than 64 letters");
  out = take_front(size);
  return true;
}

bool FieldReader::value_of(Member& out) {
  out.is_list = front() == '(';
  bool read = out.is_list ? inner_list(out) : bare_item(out.value);
  return read && parameters(out.parameters);
}

bool FieldReader::inner_list(Member& out) {
  Collected<StructuredItem, kInnerItemsMax> all;
  take('(');
  while (true) {
    skip_spaces();
    if (take(')')) break;
    if (all.full()) return too_large("more than 64 items in a list");
    StructuredItem item_read;
    if (!item(item_read)) return false;
    all.add(item_read);
    if (front() != ' ' && front() != ')') return bad("no space between two items");
  }
  out.items = all.keep(*arena_);
  return true;
}

bool FieldReader::parameters(Parameters& out) {
  Collected<Parameter, kParametersMax> all;
  while (take(';')) {
    skip_spaces();
    Parameter parameter;
    if (all.full()) return too_large("more than 16 parameters");
    if (!key(parameter.name)) return false;
    if (take('=') && !bare_item(parameter.value)) return false;
    if (find_parameter(all.here(), parameter.name) != nullptr)
      return bad("a parameter that is there twice");
    all.add(parameter);
  }
  out = all.keep(*arena_);
  return true;
}

bool FieldReader::bare_item(BareItem& out) {
  char c = front();
  if (c == '-' || is_digit(c)) return number(out);
  if (c == '"') return string(out);
  if (c == ':') return bytes(out);
  if (c == '?') return boolean(out);
  if (c == '@') return date(out);
  if (c == '%') return fail(Code::unsupported, "a display string");
  if (c == '*' || is_alpha(c)) return token(out);
  return bad("no value where one must be");
}

bool FieldReader::number(BareItem& out) {
  bool negative = take('-');
  size_t whole = 0;
  while (whole < rest_.size() && is_digit(rest_[whole])) ++whole;
  if (whole == 0) return bad("a number without digits");
  if (whole > kIntegerDigitsMax) return bad("a number of more than 15 digits");
  int64_t value = 0;
  for (char c : take_front(whole)) value = value * 10 + (c - '0');
  out.kind = BareItem::Kind::integer;
  if (take('.')) {
    size_t fraction = 0;
    while (fraction < rest_.size() && is_digit(rest_[fraction])) ++fraction;
    if (whole > 12 || fraction == 0 || fraction > 3)
      return bad("a decimal that has not 1 to 12 digits before and 1 to 3 after its point");
    std::string_view digits = take_front(fraction);
    for (size_t i = 0; i < 3; ++i) value = value * 10 + (i < fraction ? digits[i] - '0' : 0);
    out.kind = BareItem::Kind::decimal;
  }
  out.number = negative ? -value : value;
  return true;
}

bool FieldReader::date(BareItem& out) {
  take('@');
  if (!number(out)) return false;
  if (out.kind != BareItem::Kind::integer) return bad("a date with a fraction");
  out.kind = BareItem::Kind::date;
  return true;
}

bool FieldReader::string(BareItem& out) {
  take('"');
  size_t end = 0;
  bool escaped = false;
  for (; end < rest_.size() && rest_[end] != '"'; ++end) {
    if (rest_[end] < 0x20 || rest_[end] > 0x7e) return bad("a string with a byte outside of ASCII");
    if (rest_[end] != '\\') continue;
    escaped = true;
    if (++end == rest_.size() || (rest_[end] != '"' && rest_[end] != '\\'))
      return bad("a backslash before something else than a quote or a backslash");
  }
  if (end == rest_.size()) return bad("a string that does not end");
  out.kind = BareItem::Kind::string;
  out.text = take_front(end);
  take('"');
  if (!escaped) return true;
  char* copy = arena_->text(out.text.size());
  size_t size = 0;
  for (size_t i = 0; i < out.text.size(); ++i) {
    if (out.text[i] == '\\') ++i;
    copy[size++] = out.text[i];
  }
  out.text = {copy, size};
  return true;
}

bool FieldReader::token(BareItem& out) {
  size_t size = 0;
  while (size < rest_.size() &&
         (http::is_token_char(rest_[size]) || rest_[size] == ':' || rest_[size] == '/'))
    ++size;
  out.kind = BareItem::Kind::token;
  out.text = take_front(size);
  return true;
}

bool FieldReader::bytes(BareItem& out) {
  take(':');
  size_t end = rest_.find(':');
  if (end == rest_.npos) return bad("a byte sequence that does not end");
  std::string decoded;
  if (!decode_base64(take_front(end), decoded)) return bad("a byte sequence that is no base64");
  take(':');
  out.kind = BareItem::Kind::bytes;
  out.text = arena_->copy(decoded);
  return true;
}

bool FieldReader::boolean(BareItem& out) {
  take('?');
  if (front() != '0' && front() != '1') return bad("a boolean that is neither ?0 nor ?1");
  out.kind = BareItem::Kind::boolean;
  out.number = take_front(1) == "1" ? 1 : 0;
  return true;
}

}  // namespace

const BareItem* find_parameter(Parameters parameters, std::string_view name) {
  auto found = std::ranges::find(parameters, name, &Parameter::name);
  return found == parameters.end() ? nullptr : &found->value;
}

const Member* find_member(Members members, std::string_view key) {
  auto found = std::ranges::find(members, key, &Member::key);
  return found == members.end() ? nullptr : &*found;
}

Result<Members> parse_dictionary(std::string_view text, Arena& arena) {
  FieldReader reader(text, arena);
  Members out;
  if (!reader.begin() ||
      !reader.members(out, [&](Member& member) { return reader.dictionary_member(member); }))
    return reader.error;
  return out;
}

Result<Members> parse_list(std::string_view text, Arena& arena) {
  FieldReader reader(text, arena);
  Members out;
  if (!reader.begin() ||
      !reader.members(out, [&](Member& member) { return reader.list_member(member); }))
    return reader.error;
  return out;
}

Result<StructuredItem> parse_item(std::string_view text, Arena& arena) {
  FieldReader reader(text, arena);
  StructuredItem out;
  if (!reader.begin() || !reader.item(out) || !reader.at_end()) return reader.error;
  return out;
}

}  // namespace sluice::policy
