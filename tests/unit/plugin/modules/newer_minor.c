/* Built for a minor version that is not out yet. */
#include <sluice/plugin.h>

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {.size = sizeof(sluice_plugin) + 64,
                                       .abi_major = 1,
                                       .abi_minor = 250,
                                       .name = "x",
                                       .version = "1"};
  return &plugin;
}
