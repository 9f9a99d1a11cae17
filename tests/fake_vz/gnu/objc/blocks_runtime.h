// SPDX-License-Identifier: Apache-2.0
// GNUstep's headers ask for this one. See fake_blocks.mm.
#pragma once

extern "C" {
void *_Block_copy(const void *block);
void _Block_release(const void *block);
}
#define Block_copy(block) ((__typeof(block))_Block_copy((const void *)(block)))
#define Block_release(block) _Block_release((const void *)(block))
