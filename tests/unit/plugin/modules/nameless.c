/* Without a name. */
#include <sluice/plugin.h>

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {
      .size = sizeof(sluice_plugin), .abi_major = 1, .version = "1"};
  return &plugin;
}
