#include "snapshot/redis_config.h"

#include <array>

#include "base/text.h"

namespace sluice::snapshot {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kRedisPlace{"redis_without_one_place"};
constexpr IssueKind kRedisMaster{"redis_master"};
constexpr IssueKind kRedisDatabase{"redis_database"};
constexpr IssueKind kRedisUser{"redis_user_without_password"};
constexpr IssueKind kRedisLogin{"redis_login_in_url"};
constexpr IssueKind kRedisTls{"redis_tls"};

constexpr std::string_view kPlain = "redis://";
constexpr std::string_view kSecured = "rediss://";
constexpr std::string_view kDefaultPort = ":6379";
constexpr uint32_t kDatabaseMax = 65'535;

constexpr int64_t kMillisecond = 1'000'000;
constexpr config::Range kPatience{kMillisecond, 60'000 * kMillisecond};

constexpr Field kTimeoutFields[] = {
    field<&RedisTimeout::connect>(
        {.name = "connect",
         .about = "Until the connection stands, TLS and login included.",
         .reason = "three round trips across an ocean",
         .range = kPatience}),
    field<&RedisTimeout::command>(
        {.name = "command",
         .about = "Until a command is answered; after that the gateway decides alone.",
         .reason = "a Redis 50 ms away still counts as there, and the fallback stands within 100 ms",
         .range = kPatience}),
};

constexpr Field kRedisFields[] = {
    field<&RedisConfig::url>(
        {.name = "url",
         .about = "One Redis: redis://HOST:PORT/DATABASE, rediss:// with TLS, or unix:/PATH. "
                  "Exactly one of url, sentinel and cluster is given.",
         .example = "\"rediss://redis.internal:6380/0\""}),
    field<&RedisConfig::sentinel>(
        {.name = "sentinel",
         .about = "The sentinels that know the master; a failover is followed.",
         .example = "[\"10.0.0.5:26379\", \"10.0.0.6:26379\"]"}),
    field<&RedisConfig::master>({.name = "master",
                                 .about = "The name that the sentinels know the master by.",
                                 .example = "\"mymaster\""}),
    field<&RedisConfig::cluster>(
        {.name = "cluster",
         .about = "Some nodes of a cluster; they know the others.",
         .example = "[\"10.0.0.7:6379\", \"10.0.0.8:6379\"]"}),
    field<&RedisConfig::database>({.name = "database",
                                   .about = "Its database, with sentinel; otherwise 0. In a url it stands at the end.",
                                   .example = "2",
                                   .range = {0, kDatabaseMax}}),
    field<&RedisConfig::user>({.name = "user",
                               .about = "The ACL user; without it Redis' default user.",
                               .example = "\"sluice\""}),
    field<&RedisConfig::password>({.name = "password",
                                   .about = "The password, by where it is to be found.",
                                   .example = "{ secret = \"file:/run/secrets/redis\" }"}),
    field<&RedisConfig::sentinel_user>({.name = "sentinel_user",
                                        .about = "The ACL user of the sentinels themselves.",
                                        .example = "\"sluice\""}),
    field<&RedisConfig::sentinel_password>({.name = "sentinel_password",
                                            .about = "The password of the sentinels themselves.",
                                            .example = "{ secret = \"file:/run/secrets/sentinel\" }"}),
    field<&RedisConfig::tls>(
        {.name = "tls",
         .about = "Whom to trust and who we are, with rediss://; true or a table with sentinel and "
                  "cluster, for every one of their servers.",
         .example = "{ ca = \"internal-ca.pem\" }"}),
    field<&RedisConfig::timeout>({.name = "timeout", .about = "How long to wait for it."}),
    field<&RedisConfig::queue>(
        {.name = "queue",
         .about = "Commands of the process without an answer; beyond, the gateway decides alone.",
         .reason = "what Redis answers in some 50 ms",
         .range = {16, 1'000'000}}),
};

config::TextError at(std::string why, size_t offset) { return {std::move(why), offset}; }

std::vector<redis::Place> places(const RedisConfig::Servers& servers) {
  std::vector<redis::Place> out;
  for (const auto& server : servers) {
    out.push_back({server.value.host, server.value.port, server.value.unix_path});
  }
  return out;
}

void check_places(const RedisConfig& redis, const config::Value& table, config::Reader& reader) {
  std::array<const config::Entry*, 3> given{};
  size_t count = 0;
  for (const char* key : {"url", "sentinel", "cluster"}) {
    if (const config::Entry* entry = table.find(key)) given[count++] = entry;
  }
  if (count != 1) {
    reader.issues()
        .add(kRedisPlace, count == 0 ? table.at : given[1]->at,
             reader.table_name() + (count == 0 ? " has no url, sentinel or cluster"
                                               : " has more than one of url, sentinel and cluster"))
        .note = "exactly one of them says where Redis is";
    return;
  }
  bool empty = !redis.url && redis.sentinel.empty() && redis.cluster.empty();
  if (empty && given[0]->value.kind == config::Value::Kind::list) {
    reader.issues().add(kRedisPlace, given[0]->value.at, reader.table_name() + " names no server");
  }
}

void check_master(const RedisConfig& redis, const config::Value& table, config::Reader& reader) {
  const config::Entry* master = table.find("master");
  const config::Entry* sentinel = table.find("sentinel");
  if (sentinel != nullptr && redis.master.empty() && master == nullptr) {
    reader.issues().add(kRedisMaster, sentinel->at, reader.table_name() + " has no master").note =
        "sentinels watch several masters by name: give master = \"mymaster\"";
  } else if (master != nullptr && sentinel == nullptr) {
    reader.issues().add(kRedisMaster, master->at, "master is for sentinel only");
  }
  const config::Entry* database = table.find("database");
  if (database == nullptr || sentinel != nullptr) return;
  reader.issues().add(kRedisDatabase, database->at, "database is for sentinel only").note =
      table.find("cluster") ? "a cluster has one database" : "in a url it stands at the end: \"redis://host:6379/2\"";
}

void check_user(const config::Value& table, const char* user, const char* password, config::Reader& reader) {
  const config::Entry* given = table.find(user);
  if (given == nullptr || table.find(password) != nullptr) return;
  reader.issues().add(kRedisUser, given->at, std::string(user) + " without " + password);
}

void check_login(const RedisConfig& redis, const config::Value& table, config::Reader& reader) {
  if (!redis.url || !redis.url->value.has_login) return;
  config::Issue& issue = reader.issues().add(kRedisLogin, table.find("url")->value.at, "a login must not stand in a url");
  issue.note = "write user = \"NAME\" and password = { secret = \"file:PATH\" }";
  issue.concealed = true;
}

void check_tls(const RedisConfig& redis, const config::Value& table, config::Reader& reader) {
  const config::Entry* tls = table.find("tls");
  if (tls == nullptr || !redis.url || !redis.tls) return;
  const RedisUrl& url = redis.url->value;
  if (redis.tls->enabled == url.tls) return;
  if (url.address.host.empty() && !url.address.is_unix()) return;   // reported already
  reader.issues().add(kRedisTls, tls->at, url.tls ? "rediss:// without tls" : "tls, and a url without").note =
      "rediss:// in the url means TLS, redis:// and unix: mean none";
}

}  // namespace

std::span<const Field> config_fields(const RedisTimeout*) { return kTimeoutFields; }
std::span<const Field> config_fields(const RedisConfig*) { return kRedisFields; }

Result<RedisUrl, config::TextError> RedisUrl::parse(std::string_view text) {
  RedisUrl url;
  if (text.starts_with("unix:")) {
    auto address = upstream::ServerAddress::parse(text);
    if (!address) return address.error();
    url.address = *address;
    return url;
  }
  url.tls = text.starts_with(kSecured);
  if (!url.tls && !text.starts_with(kPlain)) return at("it begins with redis://, rediss:// or unix:", 0);
  size_t begin = url.tls ? kSecured.size() : kPlain.size();
  if (size_t sign = text.rfind('@'); sign != text.npos) {
    url.has_login = true;
    return url;   // refused without repeating any of it
  }
  size_t slash = std::min(text.find('/', begin), text.size());
  std::string place(text.substr(begin, slash - begin));
  size_t bracket = place.rfind(']');
  if (place.find(':', bracket == place.npos ? 0 : bracket) == place.npos) place += kDefaultPort;
  auto address = upstream::ServerAddress::parse(place);
  if (!address) return at(address.error().why, begin + std::min(address.error().offset, slash - begin));
  if (address->is_unix()) return at("a unix socket is written unix:/path", begin);
  url.address = *address;
  std::string_view number = text.substr(std::min(slash + 1, text.size()));
  if (number.empty()) return url;
  auto database = parse_decimal(number);
  if (!database || *database > kDatabaseMax) return at("behind the host comes the number of a database", slash + 1);
  url.database = static_cast<uint32_t>(*database);
  return url;
}

std::string RedisUrl::to_string() const {
  if (address.is_unix()) return address.to_string();
  std::string text(tls ? kSecured : kPlain);
  return text + address.to_string() + "/" + std::to_string(database);
}

void config_check(const RedisConfig& redis, const config::Value& table, config::Reader& reader) {
  check_places(redis, table, reader);
  check_master(redis, table, reader);
  check_user(table, "user", "password", reader);
  check_user(table, "sentinel_user", "sentinel_password", reader);
  check_login(redis, table, reader);
  check_tls(redis, table, reader);
}

redis::Options redis_options(const config::Section<RedisConfig>& section) {
  const RedisConfig& from = section.value;
  redis::Options options;
  options.name = section.name;
  options.database = from.database.value_or(0);
  options.connect_timeout = from.timeout.connect;
  options.command_timeout = from.timeout.command;
  options.queue_max = from.queue;
  if (from.uses_tls() && from.tls) options.tls_name = from.tls->sni;
  if (from.url) {
    const upstream::ServerAddress& address = from.url->value.address;
    options.places = {{address.host, address.port, address.unix_path}};
    options.database = from.url->value.database;
  } else if (!from.sentinel.empty()) {
    options.layout = redis::Layout::sentinel;
    options.places = places(from.sentinel);
    options.master = from.master;
  } else {
    options.layout = redis::Layout::cluster;
    options.places = places(from.cluster);
  }
  return options;
}

}  // namespace sluice::snapshot
