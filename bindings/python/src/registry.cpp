// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "modules.hpp"
#include "oci_records.hpp"

#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/keychain_credentials.hpp>
#include <vmkit/oci/netrc_credentials.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/push.hpp>

namespace vmkit::python {
namespace {

using namespace oci;

using Provider = std::shared_ptr<CredentialProvider>;

void bind_credentials(py::module_& m) {
  bind_handle<CredentialProvider>(m).def("find", wrap(&CredentialProvider::find));
  m.def("given_credentials", wrap([](const std::map<std::string, Credential>& by_registry) {
          return Provider(std::make_shared<GivenCredentials>(by_registry));
        }));
  m.def("chained_credentials", wrap([](const std::vector<Provider>& providers) {
          return Provider(std::make_shared<ChainedCredentials>(providers));
        }));
  m.def("docker_config_credentials",
        wrap([](const std::filesystem::path& file, const CredentialHelperOptions& helpers) {
          return Provider(std::make_shared<DockerConfigCredentials>(file, helpers));
        }));
  m.def("netrc_credentials", wrap([](const std::filesystem::path& file) {
          return Provider(std::make_shared<NetrcCredentials>(file));
        }));
  m.def("keychain_credentials",
        wrap([] { return Provider(std::make_shared<KeychainCredentials>()); }));
  m.def("keychain_available", wrap(&KeychainCredentials::available));
  m.def("default_token_realm_policy", wrap(&default_token_realm_policy));
}

BlobUpload push_blob(RegistryClient& client, const Reference& repository,
                     const Descriptor& descriptor,
                     const std::function<std::unique_ptr<Source>(std::uint64_t)>& open,
                     const BlobUploadOptions& upload, const CallOptions& options) {
  return client.push_blob(repository, descriptor, open, upload, options);
}

}  // namespace

void bind_registry(py::module_& m) {
  bind_credentials(m);
  m.def("make_registry_client",
        wrap([](const RegistryClientOptions& options) { return RegistryClient(options); }));
  bind_handle<RegistryClient>(m)
      .def("manifest_digest", wrap(&RegistryClient::manifest_digest))
      .def("fetch_manifest", wrap(&RegistryClient::fetch_manifest))
      .def("fetch_blob", wrap([](RegistryClient& client, const Reference& repository,
                                 const Descriptor& descriptor, const std::unique_ptr<Sink>& sink,
                                 const CallOptions& options) {
             client.fetch_blob(repository, descriptor, *sink, options);
           }))
      .def("fetch_rest_of_blob",
           wrap([](RegistryClient& client, const Reference& repository,
                   const Descriptor& descriptor, std::uint64_t offset,
                   const std::unique_ptr<Sink>& sink, const CallOptions& options) {
             client.fetch_rest_of_blob(repository, descriptor, offset, *sink, options);
           }))
      .def("has_blob", wrap(&RegistryClient::has_blob))
      .def("has_manifest", wrap(&RegistryClient::has_manifest))
      .def("list_tags", wrap(&RegistryClient::list_tags))
      .def("catalog", wrap(&RegistryClient::catalog))
      .def("referrers", wrap(&RegistryClient::referrers))
      .def("push_blob", wrap(&push_blob))
      .def(
          "push_manifest",
          wrap([](RegistryClient& client, const Reference& reference, const std::string& media_type,
                  const std::vector<std::byte>& content, const CallOptions& options) {
            return client.push_manifest(
                reference, media_type,
                {reinterpret_cast<const char*>(content.data()), content.size()}, options);
          }))
      .def("delete_manifest", wrap(&RegistryClient::delete_manifest))
      .def("delete_tag", wrap(&RegistryClient::delete_tag))
      .def("delete_blob", wrap(&RegistryClient::delete_blob));

  bind_handle<ArrivingLayers>(m).def(
      "open", wrap([](ArrivingLayers& layers, const Descriptor& layer, const CallOptions& options) {
        return stream_with_stop(
            [&](const CallOptions& own) { return layers.open(layer, own.stop); }, options);
      }));
  m.def("pull", wrap(&pull));
  m.def("push", wrap(&push));
  m.def("copy_image", wrap([](RegistryClient& from, const Reference& source, RegistryClient& to,
                              const Reference& target, const CopyOptions& copy_options,
                              const CallOptions& options) {
          return copy(from, source, to, target, copy_options, options);
        }));
}

}  // namespace vmkit::python
