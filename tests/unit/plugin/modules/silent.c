/* Does not take its settings, and does not say why. */
#include <sluice/plugin.h>

static int32_t create(const sluice_host* host, sluice_setup* setup, void** self) {
  (void)host, (void)setup, (void)self;
  return SLUICE_BAD;
}

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {.size = sizeof(sluice_plugin),
                                       .abi_major = 1,
                                       .name = "silent",
                                       .version = "1",
                                       .create = create};
  return &plugin;
}
