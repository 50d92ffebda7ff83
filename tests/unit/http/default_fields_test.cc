#include "http/default_fields.h"

#include <gtest/gtest.h>

#include "unit/http/messages.h"

namespace sluice::http {
namespace {

struct DefaultFieldsTest : ::testing::Test {
  static DefaultFields defaults(OwnFields own = OwnFields::kept) {
    DefaultFields made(own);
    made.add("X-Frame-Options", "DENY");
    made.add("Cache-Control", "no-store");
    made.add("Referrer-Policy", "no-referrer");
    return made;
  }
  /// "Name: value|..." after `applied` has been applied to these.
  std::string with(const DefaultFields& applied, std::initializer_list<std::pair<std::string_view, std::string_view>> own) {
    Fields fields(arena);
    for (auto [name, value] : own) fields.add(name, value);
    applied.apply(fields);
    std::string out;
    for (const Field& field : fields)
      out += (out.empty() ? "" : "|") + std::string(field.name()) + ": " + std::string(field.value());
    return out;
  }
  BlockPool blocks;
  Arena arena{blocks};
};

TEST_F(DefaultFieldsTest, are_added_in_their_order) {
  EXPECT_EQ(with(defaults(), {{"Content-Type", "text/html"}}),
            "Content-Type: text/html|X-Frame-Options: DENY|Cache-Control: no-store|Referrer-Policy: no-referrer");
}

TEST_F(DefaultFieldsTest, leave_alone_what_a_response_says_itself) {
  EXPECT_EQ(with(defaults(), {{"x-frame-options", "SAMEORIGIN"}, {"cache-control", "max-age=5"}, {"X-Other", "1"}}),
            "x-frame-options: SAMEORIGIN|cache-control: max-age=5|X-Other: 1|Referrer-Policy: no-referrer");
  EXPECT_EQ(with(defaults(), {{"X-Frame-Options", ""}, {"X-Frame-Options", "a"}, {"Referrer-Policy", "b"}}),
            "X-Frame-Options: |X-Frame-Options: a|Referrer-Policy: b|Cache-Control: no-store");
  EXPECT_EQ(with(defaults(), {{"X-Frame-Option", "a"}, {"X-Frame-Optionss", "b"}}),
            "X-Frame-Option: a|X-Frame-Optionss: b|X-Frame-Options: DENY|Cache-Control: no-store|Referrer-Policy: no-referrer");
}

TEST_F(DefaultFieldsTest, replace_every_field_of_their_names_when_told_to) {
  EXPECT_EQ(with(defaults(OwnFields::replaced),
                 {{"X-FRAME-OPTIONS", "a"}, {"Date", "now"}, {"x-frame-options", "b"}, {"Cache-Control", "max-age=5"}}),
            "Date: now|X-Frame-Options: DENY|Cache-Control: no-store|Referrer-Policy: no-referrer");
}

TEST_F(DefaultFieldsTest, may_be_none) {
  EXPECT_EQ(with(DefaultFields(), {{"Date", "now"}}), "Date: now");
  EXPECT_EQ(with(DefaultFields(OwnFields::replaced), {{"X-A", "now"}}), "X-A: now");
  EXPECT_EQ(DefaultFields().describe(), "");
  EXPECT_EQ(defaults().describe(), "X-Frame-Options: DENY; Cache-Control: no-store; Referrer-Policy: no-referrer");
}

}  // namespace
}  // namespace sluice::http
