#include "snapshot/conceal.h"

#include "config/secret_text.h"
#include "observe/log_format.h"

namespace sluice::snapshot {

bool holds_credential(const HeaderItem& item) {
  const config::Template& value = item.value.value;
  if (!value.is_literal()) return config::holds_secret(value.text);
  if (observe::may_hold_credentials(item.name)) return !value.literal().empty();
  return config::holds_secret(item.name + " = \"" + value.text + '"');
}

void conceal_credentials(Config& config) {
  each_header_item(config, [](HeaderItem& item) {
    if (holds_credential(item)) item.value.value = *config::parse_template("***");
  });
}

}  // namespace sluice::snapshot
