/* As a plugin in the field: built with the header of ABI 1.0, uses all of it, and says in response
 * headers what it saw. */
#include "plugin_1_0.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((sluice_text){literal, sizeof(literal) - 1})

struct old_plugin {
  const sluice_host* host;
  uint32_t host_size; /* what this header knows of it must be there */
};

static int32_t create(const sluice_host* host, sluice_setup* setup, void** out) {
  sluice_text name, value;
  if (host->size < sizeof(sluice_host) || host->abi_major != 1) return SLUICE_BAD;
  if (host->setting(setup, TEXT("color"), &value) != SLUICE_OK || value.size != 5) {
    host->explain_failure(setup, TEXT("there is no color"));
    return SLUICE_BAD;
  }
  if (host->setting_at(setup, 0, &name, &value) != SLUICE_OK) return SLUICE_BAD;
  if (host->setting_at(setup, 1, &name, &value) != SLUICE_NONE) return SLUICE_BAD;
  struct old_plugin* self = calloc(1, sizeof(*self));
  if (self == NULL) return SLUICE_LIMIT;
  self->host = host;
  self->host_size = host->size;
  *out = self;
  return SLUICE_OK;
}

static int32_t on_request(void* data, sluice_request* request) {
  const struct old_plugin* self = data;
  const sluice_host* host = self->host;
  sluice_text value, path;
  char* seen = host->memory(request, 32);
  if (seen == NULL || host->status(request) != 0) return SLUICE_FAIL;
  if (host->fact(request, SLUICE_FACT_PATH, &path) != SLUICE_OK || path.size > 31)
    return SLUICE_FAIL;
  memcpy(seen, path.data, path.size);
  if (host->request_header(request, TEXT("x-refuse"), 0, &value) == SLUICE_OK) return SLUICE_REFUSE;
  if (host->request_header(request, TEXT("x-reply"), 0, &value) == SLUICE_OK) {
    return host->reply(request, 418, TEXT("text/plain"), value) == SLUICE_OK ? SLUICE_REPLY
                                                                             : SLUICE_FAIL;
  }
  host->log(request, SLUICE_LOG_INFO, TEXT("seen by an old plugin"));
  if (host->remove_request_header(request, TEXT("X-Secret")) != SLUICE_OK) return SLUICE_FAIL;
  return host->set_request_header(request, TEXT("X-Old"), TEXT("1.0")) == SLUICE_OK ? SLUICE_PASS
                                                                                    : SLUICE_FAIL;
}

static void on_response(void* data, sluice_request* request) {
  const struct old_plugin* self = data;
  const sluice_host* host = self->host;
  sluice_text value;
  const char* seen = host->memory(request, 32);
  if (seen == NULL || host->status(request) < 200) return;
  if (host->response_header(request, TEXT("Server"), 0, &value) == SLUICE_OK) {
    host->remove_response_header(request, TEXT("Server"));
  }
  host->set_response_header(request, TEXT("X-Seen"), (sluice_text){seen, strlen(seen)});
}

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {.size = sizeof(sluice_plugin),
                                       .abi_major = SLUICE_ABI_MAJOR,
                                       .abi_minor = SLUICE_ABI_MINOR,
                                       .name = "old",
                                       .version = "1.0",
                                       .create = create,
                                       .destroy = free,
                                       .on_request = on_request,
                                       .on_response = on_response};
  return &plugin;
}
