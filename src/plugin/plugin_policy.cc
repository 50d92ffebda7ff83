// From the gateway's interface of policies to the plugin's functions.
#include "plugin/host.h"
#include "plugin/plugin.h"
#include "plugin/problems.h"

namespace sluice::plugin {
namespace {

using policy::Verdict;

class PluginPolicy final : public policy::Policy {
 public:
  explicit PluginPolicy(std::shared_ptr<const Plugin> plugin)
      : plugin_(std::move(plugin)), name_("plugin " + plugin_->name()) {}

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  policy::Wants wants() const override {
    return {.request = plugin_->table().on_request != nullptr,
            .response = plugin_->table().on_response != nullptr};
  }
  Verdict on_request(policy::Call& call) const override;
  void on_response(policy::Call& call, http::Head& response) const override;

 private:
  std::shared_ptr<const Plugin> plugin_;
  std::string name_;
};

std::string PluginPolicy::describe() const {
  const sluice_plugin& table = plugin_->table();
  std::string out = std::string(table.name) + " " + table.version + ", ABI " +
                    std::to_string(table.abi_major) + "." + std::to_string(table.abi_minor);
  if (table.on_request != nullptr) out += ", request";
  if (table.on_response != nullptr) out += ", response";
  return out;
}

Verdict PluginPolicy::on_request(policy::Call& call) const {
  if (plugin_->table().on_request == nullptr) return Verdict::pass();
  sluice_request request{call, nullptr, plugin_->name()};
  switch (plugin_->table().on_request(plugin_->self(), &request)) {
    case SLUICE_PASS:
      return Verdict::pass();
    case SLUICE_REFUSE:
      return Verdict::refuse(kPluginRefused);
    case SLUICE_REPLY:
      if (request.reply != nullptr) return Verdict::reply(*request.reply);
      return Verdict::refuse(kPluginFailed);
    default:
      return Verdict::refuse(kPluginFailed);  // closed: what cannot judge lets nothing through
  }
}

void PluginPolicy::on_response(policy::Call& call, http::Head& response) const {
  if (plugin_->table().on_response == nullptr) return;
  sluice_request request{call, &response, plugin_->name()};
  plugin_->table().on_response(plugin_->self(), &request);
}

}  // namespace

std::unique_ptr<const policy::Policy> make_policy(std::shared_ptr<const Plugin> plugin) {
  return std::make_unique<PluginPolicy>(std::move(plugin));
}

}  // namespace sluice::plugin
