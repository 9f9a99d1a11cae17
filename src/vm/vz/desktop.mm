// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/devices.hpp"

namespace vmkit::vm::vz {
namespace {

void set_sound(VZVirtualMachineConfiguration* configuration, const Sound& sound) {
  NSMutableArray* const streams = [NSMutableArray array];
  if (sound.output) {
    const auto stream = adopt([[VZVirtioSoundDeviceOutputStreamConfiguration alloc] init]);
    const auto sink = adopt([[VZHostAudioOutputStreamSink alloc] init]);
    [stream.get() setSink:sink.get()];
    [streams addObject:stream.get()];
  }
  if (sound.input) {
    const auto stream = adopt([[VZVirtioSoundDeviceInputStreamConfiguration alloc] init]);
    const auto source = adopt([[VZHostAudioInputStreamSource alloc] init]);
    [stream.get() setSource:source.get()];
    [streams addObject:stream.get()];
  }
  const auto device = adopt([[VZVirtioSoundDeviceConfiguration alloc] init]);
  [device.get() setStreams:streams];
  [configuration setAudioDevices:[NSArray arrayWithObject:device.get()]];
}

}  // namespace

void set_desktop(VZVirtualMachineConfiguration* configuration, const VzPlan& plan) {
  if (plan.graphics) {
    const auto screen = adopt([[VZVirtioGraphicsScanoutConfiguration alloc]
        initWithWidthInPixels:static_cast<NSInteger>(plan.graphics->width)
               heightInPixels:static_cast<NSInteger>(plan.graphics->height)]);
    const auto device = adopt([[VZVirtioGraphicsDeviceConfiguration alloc] init]);
    [device.get() setScanouts:[NSArray arrayWithObject:screen.get()]];
    [configuration setGraphicsDevices:[NSArray arrayWithObject:device.get()]];
  }
  if (plan.keyboard) {
    const auto device = adopt([[VZUSBKeyboardConfiguration alloc] init]);
    [configuration setKeyboards:[NSArray arrayWithObject:device.get()]];
  }
  if (plan.pointing_device) {
    const auto device = adopt([[VZUSBScreenCoordinatePointingDeviceConfiguration alloc] init]);
    [configuration setPointingDevices:[NSArray arrayWithObject:device.get()]];
  }
  if (plan.sound) set_sound(configuration, *plan.sound);
  if (plan.usb_controller) {
    if (@available(macOS 15.0, *)) {
      const auto device = adopt([[VZXHCIControllerConfiguration alloc] init]);
      [configuration setUsbControllers:[NSArray arrayWithObject:device.get()]];
    }
  }
}

}  // namespace vmkit::vm::vz
