/* FROZEN: plugins/include/sluice/plugin.h as it was released as ABI 1.0. Never edit: plugins in the
 * field were built with it.
 *
 * The C ABI between Sluice and its plugins, version 1.0. A plugin is a shared object that exports
 * sluice_plugin_entry(); docs/plugins.md tells how one is built, configured and bounded.
 *
 * What holds for every 1.x, so that a plugin built for 1.0 loads in all of them:
 *   - no member of a table moves, changes its type or its meaning; new members come at the end;
 *   - each table begins with its own size and the version that its owner was built for; nobody
 *     reads beyond the other side's size;
 *   - structs that are not tables (sluice_text) never change;
 *   - enumerations grow at their ends; an unknown number is answered with SLUICE_NONE.
 * A plugin built for 1.n loads in a gateway of 1.m when n <= m.
 */
#ifndef SLUICE_PLUGIN_1_0_H
#define SLUICE_PLUGIN_1_0_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_ABI_MAJOR 1
#define SLUICE_ABI_MINOR 0

/* Bytes, not ended by a zero. What the gateway gives is valid until the function that asked returns
 * (settings: until create() returns) and may be empty; what it is given it copies. */
typedef struct sluice_text {
  const char *data;
  size_t size;
} sluice_text;

/* One request, within on_request() or on_response(). */
typedef struct sluice_request sluice_request;
/* The plugin's section of the configuration, within create(). */
typedef struct sluice_setup sluice_setup;

/* What the host's functions answer. */
enum {
  SLUICE_OK = 0,
  SLUICE_NONE = 1,  /* there is no such setting, fact or header */
  SLUICE_BAD = 2,   /* no valid name or value, or a header that the gateway writes itself */
  SLUICE_LIMIT = 3, /* more than a plugin may do to one request */
  SLUICE_LATE = 4   /* not possible in this function: a reply to a response */
};

/* What on_request() answers. Anything else counts as SLUICE_FAIL. */
enum {
  SLUICE_PASS = 0,   /* on to the next policy */
  SLUICE_REPLY = 1,  /* answer with what was given to reply() */
  SLUICE_REFUSE = 2, /* answer 403 (code plugin_refused) */
  SLUICE_FAIL = 3    /* the plugin cannot judge: answer 500 (code plugin_failed) */
};

enum {
  SLUICE_FACT_METHOD = 0,
  SLUICE_FACT_SCHEME = 1,     /* "http" or "https" */
  SLUICE_FACT_HOST = 2,       /* lower case, with its port if one was given */
  SLUICE_FACT_PATH = 3,       /* in normal form */
  SLUICE_FACT_QUERY = 4,      /* without "?"; none when there is none */
  SLUICE_FACT_CLIENT_IP = 5,  /* after trusted proxies were believed */
  SLUICE_FACT_ROUTE = 6,      /* its name in the configuration */
  SLUICE_FACT_REQUEST_ID = 7
};

enum { SLUICE_LOG_DEBUG = 0, SLUICE_LOG_INFO = 1, SLUICE_LOG_WARN = 2, SLUICE_LOG_ERROR = 3 };

/* What the gateway offers. Lives as long as the process. */
typedef struct sluice_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;

  /* Within create(): the section's settings, by name or one after the other (SLUICE_NONE at the
   * end), and the reason why create() does not take them. */
  int32_t (*setting)(const sluice_setup *setup, sluice_text name, sluice_text *value);
  int32_t (*setting_at)(const sluice_setup *setup, size_t index, sluice_text *name,
                        sluice_text *value);
  void (*explain_failure)(sluice_setup *setup, sluice_text why);

  /* Within on_request() and on_response(). */
  int32_t (*fact)(const sluice_request *request, int32_t fact, sluice_text *value);
  /* The index-th header of that name, whatever its case. */
  int32_t (*request_header)(const sluice_request *request, sluice_text name, size_t index,
                            sluice_text *value);
  /* Zeroed memory of this request, the same at every call (the first one says how much); NULL when
   * more is asked for than there is. on_response() finds what on_request() left there. */
  void *(*memory)(sluice_request *request, size_t bytes);
  /* One line of the error log. */
  void (*log)(sluice_request *request, int32_t level, sluice_text text);

  /* Within on_request(): what the upstream gets. Setting replaces every header of that name in any
   * spelling ("X_User" for "X-User"), removing too. */
  int32_t (*set_request_header)(sluice_request *request, sluice_text name, sluice_text value);
  int32_t (*remove_request_header)(sluice_request *request, sluice_text name);
  /* The response for SLUICE_REPLY; status 200 to 599. Its headers are set in on_response(). */
  int32_t (*reply)(sluice_request *request, int32_t status, sluice_text content_type,
                   sluice_text body);

  /* Within on_response(): what the client gets. */
  int32_t (*status)(const sluice_request *request); /* 0 within on_request() */
  int32_t (*response_header)(const sluice_request *request, sluice_text name, size_t index,
                             sluice_text *value);
  int32_t (*set_response_header)(sluice_request *request, sluice_text name, sluice_text value);
  int32_t (*remove_response_header)(sluice_request *request, sluice_text name);
} sluice_host;

/* What a plugin offers. Every function may be NULL; all but create() are called by several threads
 * at once, with the same self. None may throw, wait, or keep anything but its own memory. */
typedef struct sluice_plugin {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;

  const char *name;    /* for logs and `sluice explain` */
  const char *version; /* of the plugin */

  /* Once for each section that names this plugin and each time that its settings change, also by
   * `sluice check`. Answers SLUICE_OK, or anything else after explain_failure(). */
  int32_t (*create)(const sluice_host *host, sluice_setup *setup, void **self);
  /* When no request uses it any more; on any thread. */
  void (*destroy)(void *self);
  int32_t (*on_request)(void *self, sluice_request *request);
  /* On every response, the gateway's own too; also when on_request() was never reached. */
  void (*on_response)(void *self, sluice_request *request);
} sluice_plugin;

#if defined(__GNUC__)
#define SLUICE_EXPORT __attribute__((visibility("default")))
#else
#define SLUICE_EXPORT
#endif

/* The one symbol that a plugin exports. Gives a table that lives as long as the shared object. */
SLUICE_EXPORT const sluice_plugin *sluice_plugin_entry(void);

#ifdef __cplusplus
}
#endif

#endif
