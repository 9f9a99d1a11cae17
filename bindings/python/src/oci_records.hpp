// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "adapters.hpp"
#include "base_records.hpp"
#include "streams.hpp"

#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/maintenance.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>
#include <vmkit/oci/platform.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/push.hpp>
#include <vmkit/oci/reference.hpp>
#include <vmkit/oci/registry_client.hpp>
#include <vmkit/oci/registry_options.hpp>
#include <vmkit/oci/token_realm.hpp>

VMKIT_RECORD(vmkit::oci::CopyOptions, "oci.CopyOptions", platform, parallel_layers, chunk_size);
VMKIT_RECORD(vmkit::oci::Credential, "oci.Credential", username, password, identity_token);
VMKIT_RECORD(vmkit::oci::CredentialQuery, "oci.CredentialQuery", registry, repository);
VMKIT_RECORD(vmkit::oci::CredentialHelperOptions, "oci.CredentialHelperOptions", path, environment,
             time_limit);
VMKIT_RECORD(vmkit::oci::Image, "oci.Image", reference, descriptor, manifest, config, platform);
VMKIT_RECORD(vmkit::oci::Layer, "oci.Layer", descriptor, diff_id, compression);
VMKIT_RECORD(vmkit::oci::ArchivedImage, "oci.ArchivedImage", name, manifest, platform);
VMKIT_RECORD(vmkit::oci::ImportOptions, "oci.ImportOptions", platform, images, reference, name_rule,
             size_limit);
VMKIT_ENUM(vmkit::oci::ArchiveFormat, "oci.ArchiveFormat", oci_layout, oci_archive, docker_archive);
VMKIT_RECORD(vmkit::oci::ExportOptions, "oci.ExportOptions", format, platform);
VMKIT_RECORD(vmkit::oci::HistoryEntry, "oci.HistoryEntry", created, created_by, author, comment,
             empty_layer);
VMKIT_RECORD(vmkit::oci::Healthcheck, "oci.Healthcheck", test, interval, timeout, start_period,
             start_interval, retries);
VMKIT_RECORD(vmkit::oci::ImageConfig, "oci.ImageConfig", platform, created, author, user, env,
             entrypoint, cmd, working_dir, stop_signal, exposed_ports, volumes, labels, healthcheck,
             diff_ids, history);
VMKIT_RECORD(vmkit::oci::ImageRecord, "oci.ImageRecord", name, manifest, source);
VMKIT_RECORD(vmkit::oci::GarbageOptions, "oci.GarbageOptions", dry_run, minimum_age, partial_age);
VMKIT_RECORD(vmkit::oci::GarbageReport, "oci.GarbageReport", blobs, partials, freed);
VMKIT_RECORD(vmkit::oci::GarbageReport::Blob, "oci.GarbageReportBlob", digest, size);
VMKIT_RECORD(vmkit::oci::ImageUsage, "oci.ImageUsage", image, exclusive, shared);
VMKIT_RECORD(vmkit::oci::StoreUsage, "oci.StoreUsage", blobs, unreferenced, partials, images);
VMKIT_RECORD(vmkit::oci::BadBlob, "oci.BadBlob", digest, problem, images);
VMKIT_ENUM(vmkit::oci::BadBlob::Problem, "oci.BadBlobProblem", missing, damaged, contested);
VMKIT_RECORD(vmkit::oci::OddEntry, "oci.OddEntry", position, name, problem);
VMKIT_RECORD(vmkit::oci::VerifyReport, "oci.VerifyReport", blobs, bytes, bad, odd_entries);
VMKIT_RECORD(vmkit::oci::RepairOptions, "oci.RepairOptions", remove_incomplete, rebuild_index);
VMKIT_RECORD(vmkit::oci::RepairReport, "oci.RepairReport", found, removed_blobs, removed_images,
             damaged_index);
VMKIT_RECORD(vmkit::oci::Descriptor, "oci.Descriptor", media_type, digest, size, platform,
             artifact_type, annotations);
VMKIT_RECORD(vmkit::oci::Index, "oci.Index", media_type, manifests, annotations);
VMKIT_RECORD(vmkit::oci::Manifest, "oci.Manifest", media_type, config, layers, artifact_type,
             subject, annotations);
VMKIT_ENUM(vmkit::oci::LayerCompression, "oci.LayerCompression", none, gzip, zstd);
VMKIT_RECORD(vmkit::oci::Platform, "oci.Platform", os, architecture, variant, os_version);
VMKIT_RECORD(vmkit::oci::PullOptions, "oci.PullOptions", platform, parallel_downloads,
             verify_existing, inspect, consume);
VMKIT_RECORD(vmkit::oci::PushOptions, "oci.PushOptions", parallel_uploads, chunk_size, mount_from);
VMKIT_RECORD(vmkit::oci::ReferenceDefaults, "oci.ReferenceDefaults", registry, docker_hub_namespace,
             tag);
template <>
struct vmkit::python::RecordInfo<vmkit::oci::ManifestDocument> {
  using T = vmkit::oci::ManifestDocument;
  static constexpr const char* python_name = "oci.ManifestDocument";
  static constexpr auto fields =
      std::make_tuple(field("descriptor", &T::descriptor), bytes_field("content", &T::content));
};
VMKIT_RECORD(vmkit::oci::BlobUploadOptions, "oci.BlobUploadOptions", chunk_size, mount_from);
VMKIT_ENUM(vmkit::oci::BlobUpload, "oci.BlobUpload", existed, mounted, uploaded);
VMKIT_RECORD(vmkit::oci::RegistryHostOptions, "oci.RegistryHostOptions", plain_http,
             accept_any_certificate, ca_file, proxy, client_certificate, client_key, mirrors);
VMKIT_RECORD(vmkit::oci::RetryOptions, "oci.RetryOptions", attempts, first_pause, longest_pause,
             longest_retry_after);
VMKIT_RECORD(vmkit::oci::RegistryClientOptions, "oci.RegistryClientOptions", defaults, hosts,
             credentials, token_realm_policy, retry, connect_timeout, stall_timeout, user_agent,
             log);
VMKIT_RECORD(vmkit::oci::TokenRealm, "oci.TokenRealm", registry, registry_plain_http, url, scheme,
             host, port, with_credential);
