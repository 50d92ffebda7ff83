/* Holds the worker up for a request with "X-Hold: MILLISECONDS": what no policy may do, for tests of how it shows. */
#include <sluice/plugin.h>
#include <stdlib.h>
#include <time.h>

static int32_t create(const sluice_host *host, sluice_setup *setup, void **self) {
  (void)setup;
  *self = (void *)host;
  return SLUICE_OK;
}

static void destroy(void *self) { (void)self; }

static int32_t on_request(void *self, sluice_request *request) {
  static const sluice_text name = {"X-Hold", 6};
  const sluice_host *host = self;
  sluice_text value;
  if (host->request_header(request, name, 0, &value) != SLUICE_OK) return SLUICE_PASS;
  long milliseconds = 0;
  for (size_t i = 0; i < value.size && i < 5; ++i) {
    milliseconds = milliseconds * 10 + value.data[i] - '0';
  }
  struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&pause, NULL);
  return SLUICE_PASS;
}

const sluice_plugin *sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {.size = sizeof(sluice_plugin),
                                       .abi_major = 1,
                                       .name = "hold",
                                       .version = "1",
                                       .create = create,
                                       .destroy = destroy,
                                       .on_request = on_request};
  return &plugin;
}
