// The engine over a small format of its own: all walks from one list of fields.
#include "config/reader.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "config/schema.h"
#include "config/show.h"
#include "config/suggest.h"
#include "config/types.h"

namespace sluice::config {
namespace {

enum class Colour : uint8_t { red, green };

struct Wheel {
  std::string name;
  uint16_t spokes = 32;
};
struct Shared {
  bool bell = true;
};
struct Bicycle {
  Colour colour = Colour::green;
  std::optional<Duration> age;
  std::vector<Wheel> wheels;
  Map<std::string> labels;
  Reference<"owner"> owner;
  Shared shared;
};
struct Root {
  Sections<Bicycle> bicycle;
  Bytes weight = kibibytes(1);
};

std::span<const Field> config_fields(const Wheel*);
std::span<const Field> config_fields(const Bicycle*);
std::span<const Field> config_fields(const Root*);
constexpr std::string_view config_bare(const Wheel*) {
  return "name";
}

}  // namespace

template <>
struct Choices<Colour> {
  static constexpr std::string_view names[] = {"red", "green"};
};

namespace {

constexpr Field kWheelFields[] = {
    field<&Wheel::name>({.name = "name", .about = "Its name.", .need = Need::required}),
    field<&Wheel::spokes>(
        {.name = "spokes", .about = "How many.", .reason = "usual", .range = {8, 48}}),
};
constexpr Field kSharedFields[] = {field<&Shared::bell>({.name = "bell", .about = "Rings."}),
                                   later("horn")};
constexpr Field kOwnFields[] = {
    field<&Bicycle::colour>({.name = "colour", .about = "Its colour."}),
    field<&Bicycle::age>({.name = "age", .about = "How old.", .example = "\"3d\""}),
    field<&Bicycle::wheels>({.name = "wheels", .about = "Two, mostly."}),
    field<&Bicycle::labels>({.name = "labels", .about = "Anything."}),
    field<&Bicycle::owner>({.name = "owner", .about = "Whose."}),
};
constexpr auto bicycle_fields() {
  constexpr auto kShared = within<&Bicycle::shared, kSharedFields>();
  std::array<Field, std::size(kOwnFields) + kShared.size()> out{};
  std::copy(kShared.begin(), kShared.end(),
            std::copy(std::begin(kOwnFields), std::end(kOwnFields), out.begin()));
  return out;
}
constexpr auto kBicycleFields = bicycle_fields();
constexpr Field kRootFields[] = {
    field<&Root::bicycle>({.name = "bicycle", .about = "A bicycle."}),
    field<&Root::weight>({.name = "weight", .about = "All of them.", .reason = "a guess"}),
};

std::span<const Field> config_fields(const Wheel*) {
  return kWheelFields;
}
std::span<const Field> config_fields(const Bicycle*) {
  return kBicycleFields;
}
std::span<const Field> config_fields(const Root*) {
  return kRootFields;
}

struct Outcome {
  Document document;
  Root root;
  std::string text() const { return render(document.issues, document.sources); }
};

Outcome read(const std::string& text) {
  Outcome out{load_text("test.toml", text), {}};
  const Type& type = TypeOf<Root>::type;
  Reader reader(out.document.sources, out.document.issues, type);
  type.read(reader, out.document.root, Field{}, &out.root);
  return out;
}

constexpr const char* kGood = R"(weight = "2MiB"
[bicycle.old]
colour = "red"
age    = "3d"
wheels = ["front", { name = "back", spokes = 36 }]
labels = { shop = "x y" }
owner  = "ann"
bell   = false
[bicycle.new]
wheels = "only"
)";

TEST(Reader, every_shape_is_read) {
  Outcome out = read(kGood);
  ASSERT_EQ(out.text(), "");
  ASSERT_EQ(out.root.bicycle.size(), 2u);
  const Bicycle& old = out.root.bicycle[1].value;
  EXPECT_EQ(out.root.bicycle[1].name, "old");
  EXPECT_TRUE(out.root.bicycle[1].sound);
  EXPECT_EQ(old.colour, Colour::red);
  EXPECT_EQ(*old.age, std::chrono::hours(72));
  ASSERT_EQ(old.wheels.size(), 2u);
  EXPECT_EQ(old.wheels[0].name, "front");
  EXPECT_EQ(old.wheels[0].spokes, 32);
  EXPECT_EQ(old.wheels[1].spokes, 36);
  EXPECT_EQ(old.labels.at(0).value, "x y");
  EXPECT_EQ(old.owner.name, "ann");
  EXPECT_FALSE(old.shared.bell);
  EXPECT_EQ(out.root.bicycle[0].value.wheels.size(), 1u);
  EXPECT_EQ(out.root.weight, mebibytes(2));
}

TEST(Reader, shown_values_read_back_and_say_where_they_are_from) {
  Outcome out = read(kGood);
  std::string shown =
      show(TypeOf<Root>::type, &out.root, out.document.root, out.document.sources, Origin::shown);
  EXPECT_NE(shown.find("[bicycle.new]\ncolour = \"green\"                            # default\n"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("# test.toml:7\n"), std::string::npos) << shown;
  Outcome again = read(shown);
  EXPECT_EQ(again.text(), "");
  auto print = [](const Outcome& outcome) {
    std::string text;
    TypeOf<Root>::type.print(&outcome.root, text);
    return text;
  };
  EXPECT_EQ(print(again), print(out));
}

TEST(Reader, all_that_is_wrong_is_found_in_one_run) {
  Outcome out = read(R"([bicycle.a]
color = "red"
horn = true
wheels = [{ spokes = 100 }, 3]
age = 3
[bicycle."b c"]
[bicycle.d]
spokes = 3
)");
  std::vector<std::string> names;
  for (const Issue& issue : out.document.issues.list()) names.emplace_back(issue.kind.name);
  EXPECT_EQ(names, (std::vector<std::string>{"missing_unit", "unknown_key", "not_in_this_version",
                                             "out_of_range", "missing_key", "wrong_type",
                                             "bad_name", "key_elsewhere"}))
      << out.text();
}

TEST(Reader, the_walks_name_the_same_keys) {
  const Type& type = TypeOf<Root>::type;
  std::string schema = json_schema(type), reference = show_reference(type),
              defaults = show_defaults(type);
  for (const char* key : {"weight", "colour", "age", "wheels", "labels", "owner", "bell"}) {
    EXPECT_NE(schema.find("\"" + std::string(key) + "\": {"), std::string::npos) << key;
    EXPECT_NE(reference.find("| `" + std::string(key) + "` |"), std::string::npos) << key;
    EXPECT_NE(defaults.find(key), std::string::npos) << key;
  }
  for (const std::string* text : {&schema, &reference, &defaults})
    EXPECT_EQ(text->find("horn"), std::string::npos);
}

TEST(Nearest, takes_the_closest_within_two_edits) {
  struct Case {
    const char* name;
    const char* best;
  };
  for (const Case& c : {Case{"timeuot", "timeout"},
                        {"tmout", "timeout"},
                        {"tile", "tls"},
                        {"limt", "limits"},
                        {"to", ""},
                        {"completely", ""}}) {
    Nearest nearest(c.name);
    for (std::string_view known : {"timeout", "limits", "tls"}) nearest.offer(known);
    EXPECT_EQ(nearest.best(), c.best) << c.name;
  }
}

}  // namespace
}  // namespace sluice::config
