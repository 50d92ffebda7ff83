/* Answers every request with the number that its setting "verdict" holds. */
#include <sluice/plugin.h>
#include <stdlib.h>

static int32_t create(const sluice_host* host, sluice_setup* setup, void** self) {
  static const sluice_text name = {"verdict", 7};
  sluice_text value;
  int* number = malloc(sizeof(*number));
  if (number == NULL || host->setting(setup, name, &value) != SLUICE_OK || value.size != 1) {
    free(number);
    return SLUICE_BAD;
  }
  *number = value.data[0] - '0';
  *self = number;
  return SLUICE_OK;
}

static int32_t on_request(void* self, sluice_request* request) {
  (void)request;
  return *(const int*)self;
}

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {.size = sizeof(sluice_plugin),
                                       .abi_major = 1,
                                       .name = "verdict",
                                       .version = "1",
                                       .create = create,
                                       .destroy = free,
                                       .on_request = on_request};
  return &plugin;
}
