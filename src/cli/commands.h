// The subcommands: each gives the exit code of the process. main.cc reads the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

struct CheckOptions {
  std::string file;
  bool as_service = false;  // asked by the service's own user: what is not checked is an error
};

struct ShowOptions {
  std::string file;
  bool origin = false;  // file and line of each value
};

struct RunOptions {
  std::string file;
};

/// Where the running gateway is asked.
struct ControlOptions {
  std::string file = "/etc/sluice/sluice.toml";   // which names the control socket
  std::string socket;                             // the socket itself: "unix:/run/sluice/control.sock"
  unsigned timeout_seconds = 60;
};

struct ReloadOptions {
  ControlOptions control;
};

struct KeyListOptions {
  ControlOptions control;
  std::string consumer;   // not empty: of this one only
  bool json = false;      // an object a line
};

struct ConnectionsOptions {
  ControlOptions control;
  std::string route;        // not empty: of this one only, and so on
  std::string subject;
  std::string consumer;
  std::string credential;   // its id
  std::string request_id;
  unsigned rows = 1'000;    // so many are listed
  bool close = false;       // close what is found
  bool json = false;        // as the gateway says it
};

struct KeyOptions {
  std::string id = "k1";
  std::string consumer;   // not empty: a line for a key file
};

struct AuditVerifyOptions {
  std::vector<std::string> files;   // the oldest first
  std::string key;                  // where it is to be found; empty: the log has none
  std::string head;                 // empty: beside the last file
  uint64_t from = 1;                // number of the first record
};

struct PasswordOptions {
  std::string user;
  bool bcrypt = false;
};

struct SignOptions {
  std::string scheme = "rfc9421";
  std::string key_id;
  std::string key;                       // "file:PATH", "env:NAME": never the key itself
  std::string algorithm;                 // empty: by the key
  std::string method;
  std::string url;
  std::vector<std::string> headers;      // "Name: value"
  std::vector<std::string> components;   // empty: @method, @authority, @path, @query
  std::string data;                      // the body itself
  std::string data_file;                 // the file that it is in
  std::string tag;
  unsigned expires_seconds = 0;          // 0: not said
  bool no_nonce = false;
  std::string region = "local";          // sigv4
  std::string service = "execute-api";   // sigv4
  bool show_text = false;                // what is signed, too
};

struct ExplainOptions {
  std::string file = "/etc/sluice/sluice.toml";
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string from = "127.0.0.1";    // the client's address
  std::string listen;                // name of a listener; empty: by the URL's scheme and port
};

/// Serves until a signal ends it.
int run_gateway(const RunOptions& options);
/// Asks the running gateway to read its configuration again, and waits for the outcome.
/// gives: 0 applied or unchanged, 1 refused, 2 no answer
int run_reload(const ReloadOptions& options);
/// What would happen to a request. gives: 1 when the file has errors or the request cannot be read
int run_explain(const ExplainOptions& options);

/// gives: 0 good, 1 errors, 2 good as far as could be checked
int run_check(const CheckOptions& options);

int run_config_show(const ShowOptions& options);
int run_config_schema();
int run_config_defaults();
int run_config_reference();

/// Prints docs/errors.md.
int run_errors();

/// Makes an API key, and prints it with its hash: the only time that it is seen.
int run_key_new(const KeyOptions& options);

/// Lists the API keys that the running gateway knows. gives: 0; 1 refused; 2 no answer
int run_key_list(const KeyListOptions& options);

/// Lists what the running gateway has in flight, or closes it. gives: 0; 1 refused; 2 no answer
int run_connections(const ConnectionsOptions& options);

/// Verifies an audit log. gives: 0 good, 1 changed, 2 not verified
int run_audit_verify(const AuditVerifyOptions& options);

/// Reads a password, and prints the user's line for the file of an [auth.NAME] with type = "basic".
/// gives: 1 when there is none, or it cannot be used
int run_password(const PasswordOptions& options);

/// Prints a curl line that sends a request signed now, for trying out. The key goes nowhere.
/// gives: 1 when the request or the key cannot be read
int run_sign(const SignOptions& options);

int run_version();

}  // namespace sluice::cli
