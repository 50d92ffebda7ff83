#include "snapshot/conceal.h"

#include "observe/log_format.h"

namespace sluice::snapshot {

bool holds_credential(const HeaderItem& item) {
  const config::Template& value = item.value.value;
  return observe::may_hold_credentials(item.name) && value.is_literal() && !value.literal().empty();
}

void conceal_credentials(Config& config) {
  each_header_item(config, [](HeaderItem& item) {
    if (holds_credential(item)) item.value.value = *config::parse_template("***");
  });
}

}  // namespace sluice::snapshot
