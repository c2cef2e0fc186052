/* vector.h: parameters as one vector, and back: what searches and second-order methods work on.
 *
 *     tg_tensor *vector = tg_parameters_to_vector(tg_parameters(model));
 *     tg_vector_to_parameters(tg_mul(vector, 0.5), tg_parameters(model));
 */
#ifndef TG_OPTIM_VECTOR_H
#define TG_OPTIM_VECTOR_H

#include "../core/tensor.h"

TG_BEGIN_DECLS

/* The elements of all tensors, one behind the other; differentiable as any op. An empty list is an error. */
tg_tensor *tg_parameters_to_vector_at(const char *where, tg_tensor_list parameters);
#define tg_parameters_to_vector(parameters) tg_parameters_to_vector_at(TG_HERE, parameters)

/* The reverse: writes the vector's elements into the tensors, converted to their dtypes. The handles stay the same, and
 * nothing is recorded. A vector of another length is an error; on error nothing is written. */
tg_status tg_vector_to_parameters_at(const char *where, tg_tensor *vector, tg_tensor_list parameters);
#define tg_vector_to_parameters(vector, parameters) tg_vector_to_parameters_at(TG_HERE, vector, parameters)

TG_END_DECLS

#endif
