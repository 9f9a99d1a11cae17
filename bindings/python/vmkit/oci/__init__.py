# SPDX-License-Identifier: Apache-2.0
"""Images: names, documents, stores, registries, archives."""

from vmkit.oci.arriving_layers import ArrivingLayers
from vmkit.oci.credentials import ChainedCredentials, CredentialProvider, DockerConfigCredentials, GivenCredentials, KeychainCredentials, NetrcCredentials
from vmkit.oci.documents import Descriptor, Healthcheck, HistoryEntry, Image, ImageConfig, Index, Layer, LayerCompression, Manifest, Platform, ReferenceDefaults
from vmkit.oci.reference import Reference, reference_of
from vmkit.oci.registry import RegistryClient, default_token_realm_policy
from vmkit.oci.registry_options import BlobUpload, BlobUploadOptions, Credential, CredentialHelperOptions, CredentialQuery, ManifestDocument, RegistryClientOptions, RegistryHostOptions, RetryOptions, TokenRealm
from vmkit.oci.store import ImageStore, LONGEST_DOCUMENT, Lease
from vmkit.oci.store_records import BadBlob, BadBlobProblem, GarbageOptions, GarbageReport, GarbageReportBlob, ImageRecord, ImageUsage, OddEntry, RepairOptions, RepairReport, StoreUsage, VerifyReport
from vmkit.oci.transfer import add_layer, copy, document_type, export_images, import_images, layer_compression, layers, pull, push
from vmkit.oci.transfer_options import ArchiveFormat, ArchivedImage, CopyOptions, ExportOptions, ImportOptions, PullOptions, PushOptions

__all__ = [
    "ArchiveFormat",
    "ArchivedImage",
    "ArrivingLayers",
    "BadBlob",
    "BadBlobProblem",
    "BlobUpload",
    "BlobUploadOptions",
    "ChainedCredentials",
    "CopyOptions",
    "Credential",
    "CredentialHelperOptions",
    "CredentialProvider",
    "CredentialQuery",
    "Descriptor",
    "DockerConfigCredentials",
    "ExportOptions",
    "GarbageOptions",
    "GarbageReport",
    "GarbageReportBlob",
    "GivenCredentials",
    "Healthcheck",
    "HistoryEntry",
    "Image",
    "ImageConfig",
    "ImageRecord",
    "ImageStore",
    "ImageUsage",
    "ImportOptions",
    "Index",
    "KeychainCredentials",
    "LONGEST_DOCUMENT",
    "Layer",
    "LayerCompression",
    "Lease",
    "Manifest",
    "ManifestDocument",
    "NetrcCredentials",
    "OddEntry",
    "Platform",
    "PullOptions",
    "PushOptions",
    "Reference",
    "ReferenceDefaults",
    "RegistryClient",
    "RegistryClientOptions",
    "RegistryHostOptions",
    "RepairOptions",
    "RepairReport",
    "RetryOptions",
    "StoreUsage",
    "TokenRealm",
    "VerifyReport",
    "add_layer",
    "copy",
    "default_token_realm_policy",
    "document_type",
    "export_images",
    "import_images",
    "layer_compression",
    "layers",
    "pull",
    "push",
    "reference_of",
]
