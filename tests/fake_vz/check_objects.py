#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what objects compiled for macOS refer to with virtualization.api: every class of the
framework and every selector must be known, on that processor; and every method of our delegate must
be one that the framework calls, which no compiler can tell, for all of them are optional.

  check_objects.py API arm64|x86_64 OBJECT.o...
"""

import pathlib
import re
import struct
import sys

import make_headers

# Those of Foundation that are used, and what the protocol NSObject has, which our class conforms to.
FOUNDATION = set("""
    absoluteString addObject: alloc array arrayWithObject: base64EncodedStringWithOptions: class
    code countByEnumeratingWithState:objects:count: dealloc dictionaryWithObject:forKey: domain
    errorWithDomain:code:userInfo: fileURLWithPath:isDirectory: firstObject indexOfObjectIdenticalTo:
    init initWithBase64EncodedString:options: initWithFileDescriptor:closeOnDealloc:
    isEqualToString: isKindOfClass: localizedDescription localizedFailureReason name objectForKey:
    reason release retain stringWithUTF8String: URLWithString: userInfo UTF8String
    autorelease conformsToProtocol: debugDescription description hash isEqual: isMemberOfClass:
    isProxy performSelector: performSelector:withObject: performSelector:withObject:withObject:
    respondsToSelector: retainCount self superclass zone""".split())
OUR_CLASSES = "VmkitVzDelegate|VmkitVsockDelegate"
OUR_SELECTORS = {"initWithListener:", "initWithAcceptor:", "dealloc"}
OUR_VARIABLES = {"listener_", "acceptor_"}


def selectors(declaration):
    """What a declaration of the table defines."""
    match = make_headers.PROPERTY.match(declaration)
    attributes = match[1].split(", ") if match else []
    name = match[3] if match else None
    if match is None:
        match = make_headers.PROPERTY_WITHOUT_ATTRIBUTES.match(declaration)
        name = match[2] if match else None
    if name is not None:
        getter = next((a.split("=")[1] for a in attributes if a.startswith("getter=")), name)
        return {getter} | (set() if "readonly" in attributes
                           else {f"set{name[0].upper()}{name[1:]}:"})
    without_types = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", declaration[1:]).strip(" ;")
    labels = re.findall(r"(\w+):", without_types)
    return {"".join(label + ":" for label in labels) if labels else without_types}


def read_object(path):
    """(undefined symbols, local symbols, strings of the method name section) of a Mach-O object."""
    data = path.read_bytes()
    magic, _, _, kind, commands = struct.unpack_from("<IIIII", data)
    if magic != 0xFEEDFACF or kind != 1:
        sys.exit(f"{path}: expected a 64-bit Mach-O object")
    undefined, local, names = set(), set(), set()
    offset = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<II", data, offset)
        if command == 0x19:  # LC_SEGMENT_64
            count = struct.unpack_from("<I", data, offset + 64)[0]
            for i in range(count):
                at = offset + 72 + i * 80
                if data[at:at + 16].rstrip(b"\0") == b"__objc_methname":
                    length, begin = struct.unpack_from("<QI", data, at + 40)
                    names |= set(data[begin:begin + length].decode().split("\0"))
        elif command == 2:  # LC_SYMTAB
            symbols, count, strings, _ = struct.unpack_from("<IIII", data, offset + 8)
            for i in range(count):
                string, kind = struct.unpack_from("<IB", data, symbols + i * 16)
                begin = strings + string
                name = data[begin:data.index(b"\0", begin)].decode()
                (undefined if kind & 0x0E == 0 else local).add(name)
        offset += size
    # Properties' types are there too.
    return undefined, local, {name for name in names if re.fullmatch(r"[\w:]+", name)}


def main():
    _, classes, protocols = make_headers.parse(pathlib.Path(sys.argv[1]))
    arm64 = sys.argv[2] == "arm64"
    known_classes = {cls.name for cls in classes if arm64 or not cls.arm64}
    delegate = set()
    for members in protocols.values():
        for _, _, declaration in members:
            delegate |= selectors(declaration)
    known = FOUNDATION | OUR_SELECTORS | delegate
    for cls in classes:
        for _, only_arm64, declaration in cls.members:
            if arm64 or not (only_arm64 or cls.arm64):
                known |= selectors(declaration)
    problems, used_classes, used_selectors, methods = [], set(), set(), set()
    for path in map(pathlib.Path, sys.argv[3:]):
        undefined, local, names = read_object(path)
        for symbol in sorted(undefined):
            match = re.match(r"_OBJC_CLASS_\$_(VZ\w+)", symbol)
            if match:
                used_classes.add(match[1])
                if match[1] not in known_classes:
                    problems.append(f"{path.name}: class {match[1]} is not in the table")
        for symbol in local:
            match = re.match(rf"[-+]\[(?:{OUR_CLASSES}) (\S+)\]", symbol)
            if match:
                methods.add(match[1])
                if match[1] not in delegate | OUR_SELECTORS:
                    problems.append(f"{path.name}: the framework calls no {match[1]}")
        used_selectors |= names
        problems += [f"{path.name}: selector {name} is not in the table"
                     for name in sorted(names - known - OUR_VARIABLES)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{sys.argv[2]}: {len(used_classes)} classes of the framework, {len(used_selectors)} "
          f"selectors, {len(methods)} methods of ours, {len(problems)} problems")
    return 1 if problems or not used_classes or not used_selectors or not methods else 0


if __name__ == "__main__":
    sys.exit(main())
