/* Its entry gives nothing. */
#include <sluice/plugin.h>

const sluice_plugin* sluice_plugin_entry(void) {
  return 0;
}
