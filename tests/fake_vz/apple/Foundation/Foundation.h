// SPDX-License-Identifier: Apache-2.0
// As much of Foundation's interface as the backend for Virtualization.framework uses, so that it
// compiles for macOS where Apple's headers are not. What runs in tests is GNUstep's Foundation.
#pragma once

#include <objc/NSObjCRuntime.h>
#include <objc/NSObject.h>
#include <stdint.h>

#define NS_ENUM(type, name) \
  enum name : type name;    \
  enum name : type
typedef double NSTimeInterval;

#define NS_UNAVAILABLE __attribute__((unavailable))

#pragma clang assume_nonnull begin

@class NSString, NSArray<T>, NSDictionary<K, V>;

@protocol NSCopying
@end

@interface NSString : NSObject <NSCopying>
+ (nullable instancetype)stringWithUTF8String:(const char *)bytes;
- (BOOL)isEqualToString:(NSString *)string;
@property (readonly, nullable) const char *UTF8String;
@end

@interface NSURL : NSObject <NSCopying>
+ (NSURL *)fileURLWithPath:(NSString *)path isDirectory:(BOOL)isDirectory;
+ (nullable instancetype)URLWithString:(NSString *)text;
@property (readonly, nullable) NSString *absoluteString;
@end

@interface NSData : NSObject <NSCopying>
- (nullable instancetype)initWithBase64EncodedString:(NSString *)text options:(NSUInteger)options;
- (NSString *)base64EncodedStringWithOptions:(NSUInteger)options;
@end

@interface NSDictionary<K, V> : NSObject <NSCopying>
+ (instancetype)dictionaryWithObject:(V)object forKey:(K)key;
- (nullable V)objectForKey:(K)key;
@end

typedef struct {
  unsigned long state;
  id __unsafe_unretained _Nullable *_Nullable itemsPtr;
  unsigned long *_Nullable mutationsPtr;
  unsigned long extra[5];
} NSFastEnumerationState;

@interface NSArray<T> : NSObject <NSCopying>
+ (instancetype)arrayWithObject:(T)object;
- (NSUInteger)indexOfObjectIdenticalTo:(T)object;
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *)state
                                  objects:(id __unsafe_unretained _Nullable *_Nonnull)buffer
                                    count:(NSUInteger)length;
@property (readonly, nullable) T firstObject;
@end

@interface NSMutableArray<T> : NSArray<T>
+ (instancetype)array;
- (void)addObject:(T)object;
@end

extern NSString *const NSUnderlyingErrorKey;
extern NSString *const NSLocalizedDescriptionKey;

@interface NSError : NSObject <NSCopying>
+ (instancetype)errorWithDomain:(NSString *)domain
                           code:(NSInteger)code
                       userInfo:(nullable NSDictionary<NSString *, id> *)userInfo;
@property (readonly) NSString *domain;
@property (readonly) NSInteger code;
@property (readonly) NSDictionary<NSString *, id> *userInfo;
@property (readonly) NSString *localizedDescription;
@property (readonly, nullable) NSString *localizedFailureReason;
@end

@interface NSException : NSObject <NSCopying>
@property (readonly) NSString *name;
@property (readonly, nullable) NSString *reason;
@end

@interface NSFileHandle : NSObject
- (instancetype)initWithFileDescriptor:(int)fd closeOnDealloc:(BOOL)closes;
@end

#pragma clang assume_nonnull end
