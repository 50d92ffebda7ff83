// `sluice sign`: a curl line that sends a signed request.
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/sign_request.h"
#include "cli/url.h"
#include "config/file_text.h"
#include "snapshot/secrets.h"

namespace sluice::cli {
namespace {

constexpr size_t kBodyBytesMax = 64 << 20;   // it is read whole, to be hashed

int complain(const std::string& text) {
  std::fprintf(stderr, "sluice: %s\n", text.c_str());
  return 1;
}

/// One word for a shell.
std::string word(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out += "'\\'";
    out += c;
  }
  return out + "'";
}

Result<UnsignedRequest, std::string> request_of(const SignOptions& options, const Url& url) {
  UnsignedRequest request{options.method, url.tls, std::string(url.authority), url.target, {}, false, {}};
  for (const std::string& header : options.headers) {
    size_t colon = header.find(':');
    if (colon == 0 || colon == header.npos) return header + ": no header field";
    request.fields.emplace_back(header.substr(0, colon), trim_ows(std::string_view(header).substr(colon + 1)));
  }
  request.has_body = !options.data.empty() || !options.data_file.empty();
  request.body = options.data;
  if (options.data_file.empty()) return request;
  std::string why;
  auto text = config::read_file_text(options.data_file, kBodyBytesMax, why);
  if (!text) return options.data_file + ": " + why;
  if (text->size() > kBodyBytesMax) return options.data_file + ": too large";
  request.body = *std::move(text);
  return request;
}

std::string curl_line(const UnsignedRequest& request, const SignedFields& made, const SignOptions& options) {
  std::string out = "curl --globoff --path-as-is";
  out += request.method == "HEAD" ? " --head" : " --request " + word(request.method);
  for (const auto* fields : {&request.fields, &made.added}) {
    for (const auto& [name, value] : *fields) out += " --header " + word(name + ": " + value);
  }
  if (!options.data_file.empty()) {
    out += " --data-binary " + word("@" + options.data_file);
  } else if (request.has_body) {
    out += " --data-raw " + word(request.body);
  }
  return out + " " + word((request.tls ? "https://" : "http://") + request.authority + request.target);
}

}  // namespace

int run_sign(const SignOptions& options) {
  auto source = config::parse_secret_source(options.key);
  // What stands there is not repeated: it may be the key.
  if (!source) return complain("--key says where the key is: file:PATH, env:NAME or credential:NAME");
  auto key = snapshot::read_secret(*source, config::process_environment);
  if (!key) return complain("--key: " + key.error());
  std::optional<Url> url = parse_url(options.url);
  if (!url) return complain(options.url + ": a port is 1 to 65535");
  if (!url->absolute) return complain(options.url + ": no URL with http:// or https://");
  auto request = request_of(options, *url);
  if (!request) return complain(request.error());
  auto now = std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  auto made = sign_request(*request, *key, options, now);
  if (!made) return complain(made.error());
  if (options.show_text) std::fprintf(stderr, "%s\n", made->text.c_str());
  std::printf("%s\n", curl_line(*request, *made, options).c_str());
  return 0;
}

}  // namespace sluice::cli
