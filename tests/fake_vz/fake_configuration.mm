// SPDX-License-Identifier: Apache-2.0
// The classes of virtualization.api that say what a machine is to be: what they accept, and what
// the whole comes to.
#include "fake_vz/fake_configuration.hpp"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using fake_vz::lock_image;
using fake_vz::make_error;
using fake_vz::refuse;
using fake_vz::vz_error;

namespace {

const char* yes_no(bool value) {
  return value ? "YES" : "NO";
}

std::string path_of(NSURL* url) {
  return url == nil ? "nil" : [[url path] UTF8String];
}

/// nil: a device that has none.
NSString* identifier_of(VZStorageDeviceConfiguration* device) {
  if (![device isKindOfClass:[VZVirtioBlockDeviceConfiguration class]]) return nil;
  return [(VZVirtioBlockDeviceConfiguration*)device blockDeviceIdentifier];
}

}  // namespace

VZDiskImageStorageDeviceAttachment* fake_vz::image_of(VZStorageDeviceConfiguration* device) {
  id const attachment = device.attachment;
  if (![attachment isKindOfClass:[VZDiskImageStorageDeviceAttachment class]]) return nil;
  return (VZDiskImageStorageDeviceAttachment*)attachment;
}

bool fake_vz::lock_image(NSURL* url, bool read_only, int& fd) {
  fd = ::open(path_of(url).c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (fd < 0) return false;
  if (::flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return true;
  ::close(fd);
  fd = -1;
  return false;
}

@implementation VZMACAddress (Fake)
- (instancetype)initWithString:(NSString*)string {
  self = [super init];
  unsigned b[6];
  char end = 0;
  const int count = sscanf([string UTF8String], "%x:%x:%x:%x:%x:%x%c", b, b + 1, b + 2, b + 3,
                           b + 4, b + 5, &end);
  if (count != 6) {
    [self release];
    return nil;
  }
  _string = [string copy];
  return self;
}
@end

@implementation VZGenericPlatformConfiguration (Fake)
- (instancetype)init {
  self = [super init];
  _machineIdentifier = [[VZGenericMachineIdentifier alloc] init];
  return self;
}
+ (BOOL)isNestedVirtualizationSupported {
  return fake_vz::world().nested;
}
@end

@implementation VZGenericMachineIdentifier (Fake)
- (instancetype)init {
  self = [super init];
  static std::atomic<unsigned> next{0};
  const unsigned bytes[4] = {++next, 2, 3, 4};
  _dataRepresentation = [[NSData alloc] initWithBytes:bytes length:sizeof bytes];
  return self;
}
- (instancetype)initWithDataRepresentation:(NSData*)dataRepresentation {
  self = [super init];
  if ([dataRepresentation length] != 16) {
    [self release];
    return nil;
  }
  _dataRepresentation = [dataRepresentation copy];
  return self;
}
@end

@implementation VZEFIVariableStore (Fake)
- (instancetype)initWithURL:(NSURL*)URL {
  self = [super init];
  _URL = [URL copy];
  return self;
}
- (instancetype)initCreatingVariableStoreAtURL:(NSURL*)URL
                                       options:(VZEFIVariableStoreInitializationOptions)options
                                         error:(NSError**)error {
  self = [super init];
  const int fd = ::open(path_of(URL).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    refuse(error, make_error({"NSPOSIXErrorDomain", errno, "The file could not be made."}));
    [self release];
    return nil;
  }
  ::close(fd);
  _URL = [URL copy];
  return self;
}
@end

@implementation VZNetworkBlockDeviceStorageDeviceAttachment (Fake)
- (instancetype)initWithURL:(NSURL*)URL
                    timeout:(NSTimeInterval)timeout
             forcedReadOnly:(BOOL)forcedReadOnly
        synchronizationMode:(VZDiskSynchronizationMode)synchronizationMode
                      error:(NSError**)error {
  self = [super init];
  _URL = [URL copy];
  _timeout = timeout;
  _forcedReadOnly = forcedReadOnly;
  _synchronizationMode = synchronizationMode;
  return self;
}
@end

@implementation VZSpiceAgentPortAttachment (Fake)
+ (NSString*)spiceAgentPortName {
  return @"com.redhat.spice.0";
}
@end

@implementation VZVirtioGraphicsScanoutConfiguration (Fake)
- (instancetype)initWithWidthInPixels:(NSInteger)widthInPixels
                       heightInPixels:(NSInteger)heightInPixels {
  self = [super init];
  _widthInPixels = widthInPixels;
  _heightInPixels = heightInPixels;
  return self;
}
@end

@implementation VZLinuxBootLoader (Fake)
- (instancetype)initWithKernelURL:(NSURL*)kernelURL {
  self = [super init];
  _kernelURL = [kernelURL copy];
  _commandLine = @"";
  return self;
}
@end

@implementation VZDiskImageStorageDeviceAttachment (Fake)
- (instancetype)initWithURL:(NSURL*)url
                   readOnly:(BOOL)readOnly
                cachingMode:(VZDiskImageCachingMode)cachingMode
        synchronizationMode:(VZDiskImageSynchronizationMode)synchronizationMode
                      error:(NSError**)error {
  self = [super init];
  struct stat status;
  if (::stat(path_of(url).c_str(), &status) != 0) {
    [self release];
    // Of a file that is not there, it says that an operation is not supported.
    refuse(error, make_error({"NSPOSIXErrorDomain", ENOTSUP, "Operation not supported"}));
    return nil;
  }
  if (status.st_size % 512 != 0) {
    [self release];
    refuse(error, vz_error(VZErrorInvalidDiskImage, "Invalid disk image."));
    return nil;
  }
  _URL = [url copy];
  _readOnly = readOnly;
  _cachingMode = cachingMode;
  _synchronizationMode = synchronizationMode;
  return self;
}
@end

@implementation VZVirtioBlockDeviceConfiguration (Fake)
- (instancetype)initWithAttachment:(VZStorageDeviceAttachment*)attachment {
  self = [super init];
  _attachment = [attachment retain];
  _blockDeviceIdentifier = @"";
  return self;
}
@end

@implementation VZNVMExpressControllerDeviceConfiguration (Fake)
- (instancetype)initWithAttachment:(VZStorageDeviceAttachment*)attachment {
  self = [super init];
  _attachment = [attachment retain];
  return self;
}
@end

@implementation VZUSBMassStorageDeviceConfiguration (Fake)
- (instancetype)initWithAttachment:(VZStorageDeviceAttachment*)attachment {
  self = [super init];
  _attachment = [attachment retain];
  return self;
}
@end

@implementation VZFileHandleSerialPortAttachment (Fake)
- (instancetype)initWithFileHandleForReading:(NSFileHandle*)reading
                        fileHandleForWriting:(NSFileHandle*)writing {
  self = [super init];
  _fileHandleForReading = [reading retain];
  _fileHandleForWriting = [writing retain];
  return self;
}
@end

@implementation VZVirtioConsoleDeviceConfiguration (Fake)
- (instancetype)init {
  self = [super init];
  _ports = [[VZVirtioConsolePortConfigurationArray alloc] init];
  return self;
}
@end

@implementation VZVirtioConsolePortConfigurationArray (Fake)
- (NSMutableArray*)fakeList {
  if (_list == nil) _list = [[NSMutableArray alloc] init];
  return _list;
}
- (void)setObject:(VZVirtioConsolePortConfiguration*)configuration
    atIndexedSubscript:(NSUInteger)portIndex {
  if (portIndex >= _maximumPortCount || portIndex != [[self fakeList] count]) {
    [NSException raise:NSRangeException format:@"port %lu", (unsigned long)portIndex];
  }
  [[self fakeList] addObject:configuration];
}
- (VZVirtioConsolePortConfiguration*)objectAtIndexedSubscript:(NSUInteger)portIndex {
  return portIndex < [[self fakeList] count] ? [[self fakeList] objectAtIndex:portIndex] : nil;
}
@end

@implementation VZSharedDirectory (Fake)
- (instancetype)initWithURL:(NSURL*)url readOnly:(BOOL)readOnly {
  self = [super init];
  _URL = [url copy];
  _readOnly = readOnly;
  return self;
}
@end

@implementation VZSingleDirectoryShare (Fake)
- (instancetype)initWithDirectory:(VZSharedDirectory*)directory {
  self = [super init];
  _directory = [directory retain];
  return self;
}
@end

@implementation VZLinuxRosettaDirectoryShare (Fake)
+ (VZLinuxRosettaAvailability)availability {
  return static_cast<VZLinuxRosettaAvailability>(fake_vz::world().rosetta);
}
- (instancetype)initWithError:(NSError**)error {
  self = [super init];
  if (fake_vz::world().rosetta_share.code != 0) {
    [self release];
    refuse(error, make_error(fake_vz::world().rosetta_share));
    return nil;
  }
  return self;
}
@end

@implementation VZVirtioFileSystemDeviceConfiguration (Fake)
- (instancetype)initWithTag:(NSString*)tag {
  self = [super init];
  _tag = [tag copy];
  return self;
}
@end

@implementation VZVirtualMachineConfiguration (Fake)
+ (uint64_t)minimumAllowedMemorySize {
  return 64ULL << 20;
}
+ (uint64_t)maximumAllowedMemorySize {
  return 16ULL << 30;
}
+ (NSUInteger)minimumAllowedCPUCount {
  return 1;
}
+ (NSUInteger)maximumAllowedCPUCount {
  return 8;
}

- (BOOL)validateWithError:(NSError**)error {
  const auto invalid = [&](const char* text) {
    return refuse(error, vz_error(VZErrorInvalidVirtualMachineConfiguration, text));
  };
  if (fake_vz::world().validate.code != 0)
    return refuse(error, make_error(fake_vz::world().validate));
  if (!fake_vz::world().entitled) return invalid("The process has no virtualization entitlement.");
  if (_CPUCount < 1 || _CPUCount > 8) return invalid("The CPU count is invalid.");
  if (_memorySize % (1 << 20) != 0 || _memorySize < [[self class] minimumAllowedMemorySize] ||
      _memorySize > [[self class] maximumAllowedMemorySize]) {
    return invalid("The memory size is invalid.");
  }
  if (_bootLoader == nil) return invalid("There is no boot loader.");
  if ([_socketDevices count] > 1 || [_memoryBalloonDevices count] > 1) {
    return invalid("There are too many devices.");
  }
  for (VZStorageDeviceConfiguration* device in _storageDevices) {
    VZDiskImageStorageDeviceAttachment* const image = fake_vz::image_of(device);
    if (image == nil) continue;
    int fd = -1;
    if (!lock_image(image.URL, image.readOnly, fd)) {
      return invalid(
          "Invalid virtual machine configuration. The storage device attachment is invalid.");
    }
    ::close(fd);
    if ([identifier_of(device) length] > 20) return invalid("The identifier is invalid.");
  }
  std::set<std::string> tags;
  for (VZVirtioFileSystemDeviceConfiguration* device in _directorySharingDevices) {
    const std::string tag = [device.tag UTF8String];
    if (device.share == nil || tag.empty() || tag.size() >= 36 || !tags.insert(tag).second) {
      return invalid("The directory sharing device is invalid.");
    }
  }
  for (VZVirtioNetworkDeviceConfiguration* device in _networkDevices) {
    if (device.attachment == nil) return invalid("The network device is invalid.");
  }
  return YES;
}

- (BOOL)validateSaveRestoreSupportWithError:(NSError**)error {
  const auto& no = fake_vz::world().save_support;
  return no.code == 0 ? YES : refuse(error, make_error(no));
}

/// In the words of vz::to_string(VzPlan).
- (std::string)fakeText {
  static const char* const caching[] = {"Automatic", "Uncached", "Cached"};
  static const char* const sync[] = {"?", "Full", "Fsync", "None"};
  std::string text = "VZVirtualMachineConfiguration CPUCount=" + std::to_string(_CPUCount) +
                     " memorySize=" + std::to_string(_memorySize) + "\n";
  auto* const platform = (VZGenericPlatformConfiguration*)_platform;
  text += std::string("VZGenericPlatformConfiguration nestedVirtualizationEnabled=") +
          yes_no([platform isNestedVirtualizationEnabled]) + " machineIdentifier=" +
          [[platform.machineIdentifier.dataRepresentation base64EncodedStringWithOptions:0]
              UTF8String] +
          "\n";
  if ([_bootLoader isKindOfClass:[VZEFIBootLoader class]]) {
    text += "VZEFIBootLoader variableStore=" +
            path_of(((VZEFIBootLoader*)_bootLoader).variableStore.URL) + "\n";
  } else {
    auto* const loader = (VZLinuxBootLoader*)_bootLoader;
    text += "VZLinuxBootLoader kernelURL=" + path_of(loader.kernelURL) +
            " initialRamdiskURL=" + path_of(loader.initialRamdiskURL) + " commandLine='" +
            [loader.commandLine UTF8String] + "'\n";
  }
  const auto names = [&](NSArray* objects) {
    for (id object in objects) text += std::string(object_getClassName(object)) + "\n";
  };
  names(_serialPorts);
  for (VZVirtioConsoleDeviceConfiguration* device in _consoleDevices) {
    text += "VZVirtioConsoleDeviceConfiguration ports=";
    for (NSUInteger i = 0; i < device.ports.maximumPortCount; ++i) {
      text += (i > 0 ? "," : "") +
              std::string([[device.ports objectAtIndexedSubscript:i].name UTF8String]);
    }
    text += "\n";
  }
  for (VZStorageDeviceConfiguration* device in _storageDevices) {
    text += object_getClassName(device);
    if (VZDiskImageStorageDeviceAttachment* const image = fake_vz::image_of(device)) {
      text += " URL=" + path_of(image.URL) + " readOnly=" + yes_no(image.readOnly) +
              " cachingMode=" + caching[image.cachingMode] +
              " synchronizationMode=" + sync[image.synchronizationMode];
    } else {
      auto* const server = (VZNetworkBlockDeviceStorageDeviceAttachment*)device.attachment;
      text += std::string(" attachment=") + object_getClassName(server) +
              " URL=" + [[server.URL absoluteString] UTF8String] +
              " forcedReadOnly=" + yes_no([server isForcedReadOnly]) + " synchronizationMode=" +
              (server.synchronizationMode == VZDiskSynchronizationModeFull ? "Full" : "None");
    }
    if (NSString* const identifier = identifier_of(device)) {
      text += std::string(" blockDeviceIdentifier='") + [identifier UTF8String] + "'";
    }
    text += "\n";
  }
  for (VZVirtioNetworkDeviceConfiguration* device in _networkDevices) {
    text += std::string("VZVirtioNetworkDeviceConfiguration attachment=") +
            object_getClassName(device.attachment) +
            " MACAddress=" + [device.MACAddress.string UTF8String] +
            fake_vz::network_text(device.attachment) + "\n";
  }
  for (VZVirtioFileSystemDeviceConfiguration* device in _directorySharingDevices) {
    text += std::string("VZVirtioFileSystemDeviceConfiguration tag=") + [device.tag UTF8String];
    if ([device.share isKindOfClass:[VZSingleDirectoryShare class]]) {
      VZSharedDirectory* const folder = ((VZSingleDirectoryShare*)device.share).directory;
      text += " URL=" + path_of(folder.URL) + " readOnly=" + yes_no(folder.readOnly) + "\n";
    } else {
      text += std::string(" share=") + object_getClassName(device.share) + "\n";
    }
  }
  names(_entropyDevices);
  names(_memoryBalloonDevices);
  names(_socketDevices);
  for (VZVirtioGraphicsDeviceConfiguration* device in _graphicsDevices) {
    for (VZVirtioGraphicsScanoutConfiguration* screen in device.scanouts) {
      text += std::string(object_getClassName(device)) +
              " widthInPixels=" + std::to_string(screen.widthInPixels) +
              " heightInPixels=" + std::to_string(screen.heightInPixels) + "\n";
    }
  }
  names(_keyboards);
  names(_pointingDevices);
  for (VZVirtioSoundDeviceConfiguration* device in _audioDevices) {
    bool output = false;
    bool input = false;
    for (id stream in device.streams) {
      if ([stream isKindOfClass:[VZVirtioSoundDeviceOutputStreamConfiguration class]]) {
        output = ((VZVirtioSoundDeviceOutputStreamConfiguration*)stream).sink != nil;
      } else {
        input = ((VZVirtioSoundDeviceInputStreamConfiguration*)stream).source != nil;
      }
    }
    text += std::string(object_getClassName(device)) + " output=" + yes_no(output) +
            " input=" + yes_no(input) + "\n";
  }
  names(_usbControllers);
  return text;
}
@end
