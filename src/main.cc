// The command line. What each command does is in cli/.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "cli/commands.h"

namespace {

constexpr int kUsage = 64;   // EX_USAGE of sysexits.h; 1 and 2 have meanings of their own
constexpr int kOutput = 74;  // EX_IOERR

void add_config_commands(CLI::App& app, sluice::cli::ShowOptions& show, int& code) {
  CLI::App* config =
      app.add_subcommand("config", "The configuration's format, and the one in force");
  config->require_subcommand(1);
  config->add_subcommand("schema", "JSON Schema of the file, for editors")->callback([&code] {
    code = sluice::cli::run_config_schema();
  });
  config->add_subcommand("defaults", "Every default, with its reason")->callback([&code] {
    code = sluice::cli::run_config_defaults();
  });
  config->add_subcommand("reference", "Every key, as Markdown")->callback([&code] {
    code = sluice::cli::run_config_reference();
  });
  CLI::App* shown =
      config->add_subcommand("show", "The effective configuration, defaults included");
  shown->add_option("FILE", show.file, "Configuration file")->required();
  shown->add_flag("--origin", show.origin, "Say where each value comes from");
  shown->callback([&show, &code] { code = sluice::cli::run_config_show(show); });
}

void add_explain_command(CLI::App& app, sluice::cli::ExplainOptions& explain, int& code) {
  CLI::App* command = app.add_subcommand("explain", "What would happen to a request, and why");
  command->add_option("-c,--config", explain.file, "Configuration file (/etc/sluice/sluice.toml)");
  command->add_option("METHOD", explain.method, "Such as GET")->required();
  command->add_option("URL", explain.url, "http://HOST/PATH, https://HOST/PATH, or a target")->required();
  command->add_option("-H,--header", explain.headers, "A field of the request: 'Name: value'")->allow_extra_args(false);
  command->add_option("--from", explain.from, "The client's address (127.0.0.1)");
  command->add_option("--listen", explain.listen, "The listener (by the URL's scheme and port)");
  command->callback([&explain, &code] { code = sluice::cli::run_explain(explain); });
}

void add_control_options(CLI::App& command, sluice::cli::ControlOptions& control) {
  command.add_option("FILE", control.file, "Configuration that names the control socket (/etc/sluice/sluice.toml)");
  command.add_option("--control", control.socket, "The control socket itself: unix:/run/sluice/control.sock");
  command.add_option("--timeout", control.timeout_seconds, "Seconds to wait for the outcome (60)")
      ->check(CLI::Range(1U, 3600U));
}

void add_reload_command(CLI::App& app, sluice::cli::ReloadOptions& reload, int& code) {
  CLI::App* command = app.add_subcommand("reload", "Have the running gateway read its configuration again");
  add_control_options(*command, reload.control);
  command->callback([&reload, &code] { code = sluice::cli::run_reload(reload); });
}

/// What is wrong with the command line, and what it takes.
std::string usage_message(const CLI::App* app, const CLI::Error& error) {
  return std::string("sluice: ") + error.what() + "\n\n" + app->help();
}

void add_key_commands(CLI::App& app, sluice::cli::KeyOptions& key, sluice::cli::KeyListOptions& list, int& code) {
  CLI::App* command = app.add_subcommand("key", "API keys");
  command->require_subcommand(1);
  CLI::App* made = command->add_subcommand("new", "Make a key; print it with the hash for the configuration");
  made->add_option("--id", key.id, "What logs call it (k1)");
  made->add_option("--consumer", key.consumer, "Print a line for a key file, of this consumer");
  made->callback([&key, &code] { code = sluice::cli::run_key_new(key); });
  CLI::App* listed = command->add_subcommand("list", "The keys of the running gateway, and when each was last used");
  add_control_options(*listed, list.control);
  listed->add_option("--consumer", list.consumer, "Of this consumer only");
  listed->add_flag("--json", list.json, "A JSON object a line");
  listed->callback([&list, &code] { code = sluice::cli::run_key_list(list); });
}

/// An empty selection, of a variable that is not set, would select everything.
std::string not_empty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

void add_connections_command(CLI::App& app, sluice::cli::ConnectionsOptions& options, int& code) {
  CLI::App* command = app.add_subcommand("connections", "What is in flight, and who is behind it; closes it if asked to");
  add_control_options(*command, options.control);
  command->add_option("--route", options.route, "Of this route only")->check(not_empty);
  command->add_option("--subject", options.subject, "Of this subject only")->check(not_empty);
  command->add_option("--consumer", options.consumer, "Of this consumer only")->check(not_empty);
  command->add_option("--credential", options.credential, "That this credential opened only, by its id")->check(not_empty);
  command->add_option("--id", options.request_id, "The one of this request id")->check(not_empty);
  command->add_option("--rows", options.rows, "List so many at most (1000)")->check(CLI::Range(0, 10'000));
  command->add_flag("--close", options.close, "Close all that are found; needs one of the selections above");
  command->add_flag("--json", options.json, "The gateway's own answer, as JSON");
  command->callback([&options, &code] { code = sluice::cli::run_connections(options); });
}

void add_audit_commands(CLI::App& app, sluice::cli::AuditVerifyOptions& verify, int& code) {
  CLI::App* command = app.add_subcommand("audit", "The audit log");
  command->require_subcommand(1);
  CLI::App* verified = command->add_subcommand("verify", "Find every change of an audit log, and say where it is");
  verified->add_option("FILE", verify.files, "The log; of a rotated one all files, the oldest first")->required();
  verified->add_option("--key", verify.key, "The key: env:NAME, file:PATH or credential:NAME");
  verified->add_option("--head", verify.head, "The head (FILE.head of the last file, when there is one)");
  verified->add_option("--from", verify.from, "Number of the first record, when older files are gone (1)");
  verified->callback([&verify, &code] { code = sluice::cli::run_audit_verify(verify); });
}

void add_password_command(CLI::App& app, sluice::cli::PasswordOptions& password, int& code) {
  CLI::App* command = app.add_subcommand("password", "Read a password; print the user's line for a file of users");
  command->add_option("USER", password.user, "Name of the user")->required();
  command->add_flag("--bcrypt", password.bcrypt, "bcrypt instead of Argon2id, for files that other programs read too");
  command->callback([&password, &code] { code = sluice::cli::run_password(password); });
}

void add_sign_command(CLI::App& app, sluice::cli::SignOptions& sign, int& code) {
  CLI::App* command = app.add_subcommand("sign", "Print a curl line that sends a signed request, for trying out");
  command->add_option("METHOD", sign.method, "Such as GET")->required();
  command->add_option("URL", sign.url, "http://HOST/PATH or https://HOST/PATH")->required();
  command->add_option("--key-id", sign.key_id, "The id of the signing key")->required();
  command->add_option("--key", sign.key, "Where it is: file:PATH, env:NAME; a secret, or a private key in PEM")
      ->required();
  command->add_option("--scheme", sign.scheme, "rfc9421 or sigv4 (rfc9421)")
      ->check(CLI::IsMember({"rfc9421", "sigv4"}));
  command->add_option("--algorithm", sign.algorithm, "Of RFC 9421 (by the key)");
  command->add_option("-H,--header", sign.headers, "A field of the request: 'Name: value'")->allow_extra_args(false);
  command->add_option("--component", sign.components, "What is covered (@method @authority @path @query)")
      ->allow_extra_args(false);
  CLI::Option* data = command->add_option("-d,--data", sign.data, "The body");
  command->add_option("--data-file", sign.data_file, "The file that holds the body")->excludes(data);
  command->add_option("--tag", sign.tag, "The signature's tag");
  command->add_option("--expires", sign.expires_seconds, "Seconds that it shall be good for");
  command->add_flag("--no-nonce", sign.no_nonce, "Without a nonce");
  command->add_option("--region", sign.region, "sigv4: the region (local)");
  command->add_option("--service", sign.service, "sigv4: the service (execute-api)");
  command->add_flag("--show-text", sign.show_text, "Print what is signed, too, to standard error");
  command->callback([&sign, &code] { code = sluice::cli::run_sign(sign); });
}

/// What was closed at the start would become some socket's or file's, and be written to as ours.
void open_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1) open("/dev/null", O_RDWR);   // the lowest that is free: this one
  }
}

/// gives: the code, or kOutput when what was printed did not all arrive
int after_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fprintf(stderr, "sluice: cannot write to standard output: %s\n", std::strerror(errno));
  return kOutput;
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  CLI::App app("Sluice, an API gateway");
  app.require_subcommand(1);
  int code = 0;

  sluice::cli::CheckOptions check;
  CLI::App* check_command =
      app.add_subcommand("check", "Report everything that is wrong with a configuration");
  check_command->add_option("FILE", check.file, "Configuration file")->required();
  check_command->add_flag("--as-service", check.as_service, "What cannot be checked is an error");
  check_command->callback([&] { code = sluice::cli::run_check(check); });

  sluice::cli::RunOptions run;
  CLI::App* run_command = app.add_subcommand("run", "Serve");
  run_command->add_option("FILE", run.file, "Configuration file")->required();
  run_command->callback([&] { code = sluice::cli::run_gateway(run); });

  sluice::cli::ReloadOptions reload;
  add_reload_command(app, reload, code);

  sluice::cli::ExplainOptions explain;
  add_explain_command(app, explain, code);

  sluice::cli::KeyOptions key;
  sluice::cli::KeyListOptions key_list;
  add_key_commands(app, key, key_list, code);

  sluice::cli::ConnectionsOptions connections;
  add_connections_command(app, connections, code);

  sluice::cli::AuditVerifyOptions audit;
  add_audit_commands(app, audit, code);

  sluice::cli::PasswordOptions password;
  add_password_command(app, password, code);

  sluice::cli::SignOptions sign;
  add_sign_command(app, sign, code);

  sluice::cli::ShowOptions show;
  add_config_commands(app, show, code);
  app.add_subcommand("errors", "Every response of the gateway itself, as Markdown")->callback([&code] {
    code = sluice::cli::run_errors();
  });
  app.add_subcommand("version", "Print the version")->callback([&code] {
    code = sluice::cli::run_version();
  });

  app.add_flag_callback("--version", [] {
    sluice::cli::run_version();
    throw CLI::Success();
  }, "Print the version");
  app.failure_message(&usage_message);
  // Without this it would say that a command is missing.
  auto named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty()) {
    std::cerr << "sluice: there is no command \"" << argv[1] << "\"\n\n" << app.help();
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return after_output(code);
}
