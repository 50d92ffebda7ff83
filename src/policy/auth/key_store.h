// Where a KeyTable comes from: the [consumer.*] tables, or a file with a JSON object a line.
#pragma once

#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "policy/auth/api_key.h"
#include "policy/auth/consumer_config.h"
#include "policy/auth/key_table.h"

namespace sluice::policy {

/// needs: `lists` has every list that the consumer names (load_config checked it)
Grants grants_of(const ConsumerConfig& consumer, const IpLists& lists);

/// needs: no two keys with one hash, and as above (load_config checked it)
std::shared_ptr<const KeyTable> make_key_table(const config::Sections<ConsumerConfig>& consumers, const IpLists& lists);

/// Reads `{"sha256": "5f1d...", "id": "k1", "consumer": "acme", "scopes": [...], "roles": [...], "groups": [...],
/// "claims": {...}, "allow_ips": [...], "expires": "2027-01-31"}`, one a line; the first three are required, empty lines
/// are skipped. `allow_ips` has addresses and ranges: what stands in a file or in Redis names nothing of the configuration.
/// As a stream: a file of a million keys needs no more memory than its table.
/// errors: "line 7: ..." without any of its values
Result<std::shared_ptr<const KeyTable>, std::string> read_key_table(std::istream& in);

/// One key as a line of a file, or a text in Redis, has it.
struct KeyLine {
  std::optional<KeyHash> hash;
  std::string consumer;
  std::string id;
  Grants grants;
  WallTime expires = WallTime::max();
};
/// Whoever asks says whether it needs the hash. errors: as above, without the line
Result<KeyLine, std::string> read_key_line(JsonReader& reader, std::string_view text);

/// The keys of one file.
class KeyFile final : public LiveFiles {
 public:
  KeyFile(std::string name, std::string path, std::shared_ptr<ApiKeys> keys)
      : name_(std::move(name)), path_(std::move(path)), keys_(std::move(keys)) {}
  static Result<std::shared_ptr<const KeyTable>, std::string> load(const std::string& path);

  const std::string& name() const override { return name_; }
  std::vector<std::string> files() const override { return {path_}; }
  Result<FilesSummary, std::string> read() override;

 private:
  std::string name_;
  std::string path_;
  std::shared_ptr<ApiKeys> keys_;
};

}  // namespace sluice::policy
