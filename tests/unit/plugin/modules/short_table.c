/* A table that is shorter than that of 1.0. */
#include <sluice/plugin.h>

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {
      .size = 24, .abi_major = 1, .abi_minor = 0, .name = "x", .version = "1"};
  return &plugin;
}
