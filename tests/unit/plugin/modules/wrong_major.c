/* Built for another major version. */
#include <sluice/plugin.h>

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {
      .size = sizeof(sluice_plugin), .abi_major = 2, .abi_minor = 7, .name = "x", .version = "1"};
  return &plugin;
}
