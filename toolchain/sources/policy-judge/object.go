package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"

	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	// The groups that the API server has itself.
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/authentication/install"
	_ "k8s.io/kubernetes/pkg/apis/authorization/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/flowcontrol/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/node/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

// path leads to a value: names of fields, positions in lists.
type path []any

func (p path) words() []string {
	words := []string{}
	for _, step := range p {
		if name, ok := step.(string); ok {
			words = append(words, name)
		} else if len(words) > 0 {
			words[len(words)-1] += fmt.Sprintf("[%v]", step)
		}
	}
	return words
}

// subject is an object as the API server would judge it, with an Unknown at every place that is not known.
type subject struct {
	object  map[string]any
	unknown []path
	values  values
}

// read brings an object into the form in which admission sees it: decoded, defaulted, converted to the internal
// version and back. Kinds that Kubernetes does not know stay as they are, without nulls.
func read(raw json.RawMessage, kind schema.GroupVersionKind, unknown []path) (made *subject, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%v", broken)
		}
	}()
	var given map[string]any
	builtIn := legacyscheme.Scheme.Recognizes(kind)
	if !builtIn || len(unknown) > 0 {
		if err := utiljson.Unmarshal(raw, &given); err != nil {
			return nil, err
		}
		for _, place := range unknown {
			remove(given, place)
		}
	}
	if !builtIn {
		object := withoutNulls(given).(map[string]any)
		return &subject{restore(object, unknown), unknown, values{}}, nil
	}
	if len(unknown) > 0 {
		if raw, err = json.Marshal(given); err != nil {
			return nil, err
		}
	}
	object, err := normalised(raw, kind)
	if err != nil {
		return nil, err
	}
	if kind.Group == "" && kind.Kind == "Secret" {
		unknown = secretData(unknown)
	}
	settle(object, given, unknown)
	return &subject{restore(object, unknown), unknown, values{}}, nil
}

func kindOf(raw json.RawMessage) (schema.GroupVersionKind, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return schema.GroupVersionKind{}, err
	}
	group, err := schema.ParseGroupVersion(head.APIVersion)
	return group.WithKind(head.Kind), err
}

var wrongType = regexp.MustCompile(`^json: cannot unmarshal (\S+) into Go struct field \w+\.(\S+) of type (\S+)$`)

func normalised(raw json.RawMessage, kind schema.GroupVersionKind) (map[string]any, error) {
	external, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return nil, errors.New(wrongType.ReplaceAllString(err.Error(), "$2 is a $1, $3 is wanted"))
	}
	legacyscheme.Scheme.Default(external)
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(external, runtime.InternalGroupVersioner)
	if err != nil {
		return nil, err
	}
	external, err = legacyscheme.Scheme.UnsafeConvertToVersion(internal, kind.GroupVersion())
	if err != nil {
		return nil, err
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(external)
	if err != nil {
		return nil, err
	}
	if kind.Group == "" && kind.Kind == "Service" {
		families(object["spec"])
	}
	object["apiVersion"], object["kind"] = kind.GroupVersion().String(), kind.Kind
	return object, nil
}

// families sets the address families of a Service as the API server of a cluster with both does before admission.
func families(spec any) {
	fields, ok := spec.(map[string]any)
	if !ok || fields["type"] == "ExternalName" {
		return
	}
	if fields["ipFamilyPolicy"] == nil {
		fields["ipFamilyPolicy"] = "SingleStack"
		if listed, _ := fields["ipFamilies"].([]any); len(listed) == 2 {
			fields["ipFamilyPolicy"] = "RequireDualStack"
		}
	}
	if fields["ipFamilyPolicy"] != "SingleStack" {
		switch listed, _ := fields["ipFamilies"].([]any); {
		case len(listed) == 0:
			fields["ipFamilies"] = []any{"IPv4", "IPv6"}
		case len(listed) == 1 && listed[0] == "IPv4":
			fields["ipFamilies"] = append(listed, "IPv6")
		case len(listed) == 1:
			fields["ipFamilies"] = append(listed, "IPv4")
		}
	}
}

func withoutNulls(value any) any {
	switch it := value.(type) {
	case map[string]any:
		for name, member := range maps.Clone(it) {
			if member == nil {
				delete(it, name)
			} else {
				it[name] = withoutNulls(member)
			}
		}
	case []any:
		for i, member := range it {
			it[i] = withoutNulls(member)
		}
	}
	return value
}

// remove takes the value at a place out of a map.
func remove(object map[string]any, place path) {
	if holder, ok := at(object, place[:len(place)-1]).(map[string]any); ok {
		delete(holder, place[len(place)-1].(string))
	}
}

// restore puts an Unknown at each place, making the maps on the way to it anew where defaulting dropped them.
func restore(object map[string]any, unknown []path) map[string]any {
	for id, place := range unknown {
		put(object, place, types.NewUnknown(int64(id), nil))
	}
	return object
}

func put(value any, place path, what any) {
	for i, step := range place {
		switch it := value.(type) {
		case map[string]any:
			name, _ := step.(string)
			if i == len(place)-1 {
				it[name] = what
				return
			}
			if it[name] == nil {
				it[name] = map[string]any{}
			}
			value = it[name]
		case []any:
			at, ok := step.(float64)
			if !ok || int(at) >= len(it) {
				return
			}
			value = it[int(at)]
		default:
			return
		}
	}
}
