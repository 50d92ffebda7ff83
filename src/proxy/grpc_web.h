// gRPC-Web: what browsers send in place of gRPC, over any version of HTTP, becomes a gRPC request, and its response is put
// in their form. Messages are the same on both sides; they pass as they come.
// Source: PROTOCOL-WEB.md of the gRPC project.
#pragma once

#include <string_view>

#include "http/grpc_web.h"
#include "policy/policy.h"
#include "proxy/grpc.h"

namespace sluice::proxy {

/// gives: the form of the response that is asked for; none: the request is not gRPC-Web's
GrpcForm grpc_web_form(const http::Head& request);
/// Its body is base64.
bool is_grpc_web_text(const http::Head& request);

/// Makes it a gRPC request; its form stays that of the client in the access log only.
void make_grpc(http::Head& request);
/// Puts the head of a gRPC response in the client's form. needs: http::is_grpc(response), a form of gRPC-Web
void make_grpc_web(GrpcForm form, http::Head& response);
/// Pages may read the status where CORS lets them read anything.
void expose_grpc_status(http::Fields& fields);

/// Decodes the text of a request.
class GrpcWebText final : public policy::BodyFilter {
 public:
  explicit GrpcWebText(BlockPool& blocks) : blocks_(&blocks) {}
  policy::Verdict feed(Chain& bytes, http::End end) override;

 private:
  BlockPool* blocks_;
  http::Base64Reader reader_;
};

/// Puts the trailers of a response behind its messages, and all in base64 where the client wants it.
class GrpcWebAnswer final : public policy::BodyFilter {
 public:
  GrpcWebAnswer(GrpcForm form, BlockPool& blocks) : blocks_(&blocks), form_(form) {}
  /// They follow the body's end. needs: to live as long
  void set_trailers(const http::Fields& trailers) { trailers_ = &trailers; }
  bool has_trailers() const { return trailers_ != nullptr; }
  policy::Verdict feed(Chain& bytes, http::End end) override;

 private:
  BlockPool* blocks_;
  const http::Fields* trailers_ = nullptr;
  GrpcForm form_;
};

}  // namespace sluice::proxy
