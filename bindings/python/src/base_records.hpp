// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "record.hpp"

#include <vmkit/base/architecture.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/log.hpp>
#include <vmkit/base/progress.hpp>

VMKIT_ENUM(vmkit::Architecture, "base.Architecture", x86_64, arm64);
VMKIT_ENUM(vmkit::DigestAlgorithm, "base.DigestAlgorithm", sha256, sha512);
VMKIT_ENUM(vmkit::LogLevel, "base.LogLevel", debug, info, warning, error);
VMKIT_ENUM(vmkit::ProgressUnit, "base.ProgressUnit", bytes, entries);
VMKIT_RECORD(vmkit::Progress, "base.Progress", phase, subject, unit, done, total);
