// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <string>

#include "fake_vz/fake_vz.hpp"

// Between the two halves of the fake: what a machine is to be, and the machine.

@interface VZVirtualMachineConfiguration (Fake)
/// A line for each object.
- (std::string)fakeText;
@end

namespace fake_vz {

NSError* make_error(const Refusal& why);
NSError* vz_error(long code, const char* text);
/// NO, with the reason.
BOOL refuse(NSError** error, NSError* why);

/// nil: it is on a server.
VZDiskImageStorageDeviceAttachment* image_of(VZStorageDeviceConfiguration* device);

/// A file of the system's process that runs the machine: it locks what it writes.
bool lock_image(NSURL* url, bool read_only, int& fd);

/// What is set in a network's attachment.
std::string network_text(id attachment);

}  // namespace fake_vz
