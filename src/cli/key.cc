// `sluice key new`: makes an API key. The key goes to whoever will use it, the hash into the configuration.
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "config/value.h"
#include "policy/auth/key_table.h"
#include "policy/auth/new_key.h"

namespace sluice::cli {

int run_key_new(const KeyOptions& options) {
  for (const std::string* name : {&options.id, &options.consumer}) {
    if (name->size() <= policy::KeyTable::kTextBytesMax) continue;
    std::fprintf(stderr, "sluice: a name has at most %zu bytes\n", policy::KeyTable::kTextBytesMax);
    return 1;
  }
  std::string key = policy::new_key();
  std::string hash = config::TextForm<policy::KeyHash>::print(policy::hash_of(key));
  std::string line;
  if (options.consumer.empty()) {
    line = "keys = [{ id = " + config::toml_string(options.id) + ", sha256 = \"" + hash + "\" }]";
  } else {
    line = "{\"sha256\": \"" + hash + "\", \"id\": \"";
    append_json(line, options.id);
    line += "\", \"consumer\": \"";
    append_json(line, options.consumer);
    line += "\"}";
  }
  std::printf("%s\n%s\n", key.c_str(), line.c_str());
  return 0;
}

}  // namespace sluice::cli
