/* An example policy: clients choose the version of an API by a header, and everybody else gets the
 * default.
 *
 *   [plugin.versions]
 *   file     = "api_version.so"
 *   settings = { supported = "1 2 3", default = "2", header = "Accept-Version" }
 *
 * The upstream gets the version as X-Api-Version, the client reads it there too. A version that is
 * not supported gets 406 with the list. Build: see docs/plugins.md.
 */
#include <sluice/plugin.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((sluice_text){literal, sizeof(literal) - 1})
#define VERSION_BYTES_MAX 16
#define LIST_BYTES_MAX 128
#define NAME_BYTES_MAX 64

struct api_version {
  const sluice_host* host;
  char header[NAME_BYTES_MAX];
  size_t header_size;
  char supported[LIST_BYTES_MAX]; /* words with one space between them */
  size_t supported_size;
  char standard[VERSION_BYTES_MAX]; /* when the client names none */
  size_t standard_size;
};

/* What on_request() leaves for on_response(). */
struct chosen {
  char version[VERSION_BYTES_MAX];
  size_t size;
};

static bool same(sluice_text a, sluice_text b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool is_supported(const struct api_version* self, sluice_text version) {
  size_t begin = 0;
  for (size_t i = 0; i <= self->supported_size; ++i) {
    if (i < self->supported_size && self->supported[i] != ' ') continue;
    if (same((sluice_text){self->supported + begin, i - begin}, version)) return version.size > 0;
    begin = i + 1;
  }
  return false;
}

static bool keep(sluice_text from, char* to, size_t* size, size_t most) {
  if (from.size == 0 || from.size > most || memchr(from.data, '"', from.size)) return false;
  memcpy(to, from.data, from.size);
  *size = from.size;
  return true;
}

/* Every key is known, or the configuration is refused: a typo must not change what is served. */
static bool read_settings(const sluice_host* host, sluice_setup* setup, struct api_version* self) {
  sluice_text key, value;
  keep(TEXT("Accept-Version"), self->header, &self->header_size, NAME_BYTES_MAX);
  for (size_t i = 0; host->setting_at(setup, i, &key, &value) == SLUICE_OK; ++i) {
    bool taken = false;
    if (same(key, TEXT("supported"))) {
      taken = keep(value, self->supported, &self->supported_size, LIST_BYTES_MAX);
    } else if (same(key, TEXT("default"))) {
      taken = keep(value, self->standard, &self->standard_size, VERSION_BYTES_MAX);
    } else if (same(key, TEXT("header"))) {
      taken = keep(value, self->header, &self->header_size, NAME_BYTES_MAX);
    }
    if (taken) continue;
    host->explain_failure(setup,
                          TEXT("the settings are supported, default and header: short texts"));
    return false;
  }
  if (is_supported(self, (sluice_text){self->standard, self->standard_size})) return true;
  host->explain_failure(setup, TEXT("\"default\" is not among \"supported\""));
  return false;
}

static int32_t create(const sluice_host* host, sluice_setup* setup, void** out) {
  struct api_version* self = calloc(1, sizeof(*self));
  if (self == NULL) return SLUICE_LIMIT;
  self->host = host;
  if (!read_settings(host, setup, self)) {
    free(self);
    return SLUICE_BAD;
  }
  *out = self;
  return SLUICE_OK;
}

static void destroy(void* self) {
  free(self);
}

static int32_t refuse(const struct api_version* self, sluice_request* request) {
  static const char before[] = "{\"error\":\"no such version\",\"supported\":\"";
  char body[sizeof(before) + LIST_BYTES_MAX + 4];
  size_t size = sizeof(before) - 1;
  memcpy(body, before, size);
  memcpy(body + size, self->supported, self->supported_size);
  size += self->supported_size;
  memcpy(body + size, "\"}\n", 3);
  self->host->log(request, SLUICE_LOG_INFO, TEXT("version not supported"));
  int32_t done =
      self->host->reply(request, 406, TEXT("application/json"), (sluice_text){body, size + 3});
  return done == SLUICE_OK ? SLUICE_REPLY : SLUICE_FAIL;
}

static int32_t on_request(void* data, sluice_request* request) {
  const struct api_version* self = data;
  const sluice_host* host = self->host;
  sluice_text header = {self->header, self->header_size};
  sluice_text version = {self->standard, self->standard_size};
  sluice_text asked;
  if (host->request_header(request, header, 0, &asked) == SLUICE_OK) version = asked;
  if (!is_supported(self, version)) return refuse(self, request);
  struct chosen* chosen = host->memory(request, sizeof(*chosen));
  if (chosen == NULL || !keep(version, chosen->version, &chosen->size, VERSION_BYTES_MAX)) {
    return SLUICE_FAIL;
  }
  host->remove_request_header(request, header);
  return host->set_request_header(request, TEXT("X-Api-Version"), version) == SLUICE_OK
             ? SLUICE_PASS
             : SLUICE_FAIL;
}

static void on_response(void* data, sluice_request* request) {
  const struct api_version* self = data;
  const struct chosen* chosen = self->host->memory(request, sizeof(*chosen));
  if (chosen == NULL || chosen->size == 0) return; /* refused, here or before */
  self->host->set_response_header(request, TEXT("X-Api-Version"),
                                  (sluice_text){chosen->version, chosen->size});
}

const sluice_plugin* sluice_plugin_entry(void) {
  static const sluice_plugin plugin = {
      .size = sizeof(sluice_plugin),
      .abi_major = SLUICE_ABI_MAJOR,
      .abi_minor = SLUICE_ABI_MINOR,
      .name = "api_version",
      .version = "1.0",
      .create = create,
      .destroy = destroy,
      .on_request = on_request,
      .on_response = on_response,
  };
  return &plugin;
}
