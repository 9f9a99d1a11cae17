#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C headers of virtualization.api.

  make_headers.py apple API FOLDER    Virtualization/Virtualization.h with the macOS version of each
                                      declaration, to compile against
  make_headers.py fake API FOLDER     the same without versions but with instance variables, which
                                      GNU's Objective-C wants, and fake_classes.h: an implementation
                                      of each class that keeps what its properties are given
"""

import pathlib
import re
import sys

# Objects of a machine that runs: the framework wants them touched on the machine's queue only.
RUNTIME = re.compile(r"VZ\w*(Machine|Device|Controller|Port|PortArray|Connection)$")
PROPERTY = re.compile(r"@property \(([^)]*)\) (.*?)(\w+);$")
PROPERTY_WITHOUT_ATTRIBUTES = re.compile(r"@property (.*?)(\w+);$")


class Class:
    def __init__(self, words):
        self.name, self.base = words[0], words[2]
        self.protocols = re.findall(r"<(\w+)>", " ".join(words))
        self.version = next(word for word in words[3:] if re.fullmatch(r"\d+\.\d+", word))
        self.arm64 = "arm64" in words
        self.noinit = "noinit" in words
        self.members = []  # (version, arm64, declaration)


def parse(path):
    enums, classes, protocols, members = [], [], {}, None
    for line in path.read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "enum":
            enums.append((words[1], words[2], [word.split("=") for word in words[3:]]))
        elif words[0] == "class":
            classes.append(Class(words[1:]))
            members = classes[-1].members
        elif words[0] == "protocol":
            members = protocols.setdefault(words[1], [])
        else:
            arm64 = words[1] == "arm64"
            members.append((words[0], arm64, " ".join(words[1 + arm64:])))
    return enums, classes, protocols


def instance_properties(cls):
    """(type, name, attributes) of those that an object keeps."""
    for _, _, declaration in cls.members:
        match = PROPERTY.match(declaration)
        if match:
            attributes = match[1].split(", ")
            if "class" not in attributes:
                yield match[2].strip(), match[3], attributes
        else:
            match = PROPERTY_WITHOUT_ATTRIBUTES.match(declaration)
            if match:
                yield match[1].strip(), match[2], []


def header(enums, classes, protocols, fake):
    def since(version):
        return "" if fake else f" __attribute__((availability(macos,introduced={version})))"

    out = ["// Made by make_headers.py.", "#pragma once", "#import <Foundation/Foundation.h>",
           "#include <dispatch/dispatch.h>", "#include <vmnet/vmnet.h>", ""]
    for name, underlying, constants in enums:
        out.append(f"typedef NS_ENUM({underlying}, {name}) {{")
        out += [f"  {constant} = {value}," for constant, value in constants]
        out.append("};")
    out += [f"@class {cls.name};" for cls in classes]
    out += [f"@protocol {name};" for name in protocols]
    out.append("#pragma clang assume_nonnull begin")
    out.append("extern NSString *const VZErrorDomain;")
    for name, members in protocols.items():
        out += [f"@protocol {name} <NSObject>", "@optional"]
        out += [declaration[:-1] + since(version) + ";" for version, _, declaration in members]
        out.append("@end")
    for cls in classes:
        if cls.arm64:
            out.append("#if defined(__arm64__)")
        conforms = f" <{', '.join(cls.protocols)}>" if cls.protocols else ""
        if not fake:
            out.append(since(cls.version).strip())
        out.append(f"@interface {cls.name} : {cls.base}{conforms}")
        if fake:
            kept = [f"  {kind} _{name};" for kind, name, _ in instance_properties(cls)]
            if cls.base == "NSObject":
                kept.append("  void *_fake;  // what the fake knows of it")
            if "PortConfigurationArray" in cls.name:
                kept.append("  NSMutableArray *_list;")
            if cls.name == "VZUSBMassStorageDevice":
                kept.append("  VZUSBMassStorageDeviceConfiguration *_configuration;")
            out += ["{", " @public", *kept, "}"]
        if cls.noinit and not fake:
            out += ["- (instancetype)init NS_UNAVAILABLE;", "+ (instancetype)new NS_UNAVAILABLE;"]
        for version, arm64, declaration in cls.members:
            if fake:
                declaration = re.sub(r"\bweak\b", "assign", declaration)
            if arm64:
                out.append("#if defined(__arm64__)")
            out.append(declaration[:-1] + since(version) + ";")
            if arm64:
                out.append("#endif")
        out.append("@end")
        if cls.arm64:
            out.append("#endif")
    out.append("#pragma clang assume_nonnull end")
    return "\n".join(out) + "\n"


def accessors(cls, kind, name, attributes):
    """Those of a runtime object check the queue."""
    if not RUNTIME.match(cls.name):
        return [f"@synthesize {name} = _{name};"]
    getter = next((a.split("=")[1] for a in attributes if a.startswith("getter=")), name)
    out = [f"- ({kind}){getter} {{ fake_vz_touch(self, _fake); return _{name}; }}"]
    if "readonly" not in attributes:
        keep = ("strong" in attributes or "copy" in attributes)
        assign = f"[value retain]; [_{name} release]; _{name} = value;" if keep else \
            f"_{name} = value;"
        out.append(f"- (void)set{name[0].upper()}{name[1:]}:({kind})value {{ "
                   f"fake_vz_touch(self, _fake); {assign} }}")
    return out


def implementations(classes):
    out = ["// Made by make_headers.py: categories add the methods that are not properties."]
    for cls in classes:
        out.append(f"@implementation {cls.name}")
        objects = []
        for kind, name, attributes in instance_properties(cls):
            out += accessors(cls, kind, name, attributes)
            if "copy" in attributes or "strong" in attributes:
                objects.append(name)
        root = cls.base == "NSObject"
        if root:
            out += ["+ (instancetype)allocWithZone:(NSZone *)zone {", "  fake_vz_did_alloc();",
                    "  return [super allocWithZone:zone];", "}"]
        out += ["- (void)dealloc {", *["  fake_vz_will_dealloc(self, _fake);"] * root,
                *[f"  [_{name} release];" for name in objects],
                *["  [_list release];"] * ("PortConfigurationArray" in cls.name),
                *["  [_configuration release];"] * (cls.name == "VZUSBMassStorageDevice"),
                "  [super dealloc];", "}"]
        if "NSCopying" in cls.protocols:
            out.append("- (id)copyWithZone:(NSZone *)zone { return [self retain]; }")
        out.append("@end")
    return "\n".join(out) + "\n"


def main():
    kind, api, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    enums, classes, protocols = parse(api)
    place = folder / "Virtualization"
    place.mkdir(parents=True, exist_ok=True)
    fake = kind == "fake"
    (place / "Virtualization.h").write_text(header(enums, classes, protocols, fake))
    if fake:
        (folder / "fake_classes.h").write_text(implementations(classes))


if __name__ == "__main__":
    main()
