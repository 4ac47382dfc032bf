package main

import (
	"slices"

	"github.com/google/cel-go/common/types"
)

// beside names, for a field that may be unknown, the fields of the same map whose default Kubernetes takes from it.
var beside = map[string][]string{
	"completions":     {"parallelism"},
	"egress":          {"policyTypes"},
	"image":           {"imagePullPolicy"},
	"ipFamilies":      {"ipFamilyPolicy"},
	"ipFamilyPolicy":  {"ipFamilies"},
	"kind":            {"apiGroup"},
	"limits":          {"requests"},
	"parallelism":     {"completions"},
	"port":            {"targetPort"},
	"sessionAffinity": {"sessionAffinityConfig"},
	"type": {
		"allocateLoadBalancerNodePorts", "externalTrafficPolicy", "internalTrafficPolicy", "ipFamilies",
		"ipFamilyPolicy", "rollingUpdate",
	},
}

// settle makes those defaults unknown that hang on an unknown value, for they were set as if it were absent.
func settle(object, given map[string]any, unknown []path) {
	for id, place := range unknown {
		mark := types.NewUnknown(int64(id), nil)
		for depth, step := range place {
			name, _ := step.(string)
			made, ok := at(object, place[:depth]).(map[string]any)
			if !ok {
				continue
			}
			before, _ := at(given, place[:depth]).(map[string]any)
			fields := beside[name]
			if depth >= 2 && place[depth-2] == "volumes" {
				fields = []string{"emptyDir"} // given to a volume that is of no kind
			}
			for _, field := range fields {
				if before[field] == nil {
					made[field] = mark
				}
			}
			if name == "hostNetwork" {
				hostPorts(made, mark)
			}
		}
	}
}

// hostPorts makes the host's ports of a pod unknown: in the host's network every port is one of them.
func hostPorts(value any, mark *types.Unknown) {
	switch it := value.(type) {
	case map[string]any:
		if it["containerPort"] != nil && it["hostPort"] == nil {
			it["hostPort"] = mark
		}
		for _, member := range it {
			hostPorts(member, mark)
		}
	case []any:
		for _, member := range it {
			hostPorts(member, mark)
		}
	}
}

func at(value any, place path) any {
	for _, step := range place {
		switch it := value.(type) {
		case map[string]any:
			name, _ := step.(string)
			value = it[name]
		case []any:
			index, ok := step.(float64)
			if !ok || int(index) >= len(it) {
				return nil
			}
			value = it[int(index)]
		default:
			return nil
		}
	}
	return value
}

// secretData tells where unknown text of a Secret stands after decoding: the API server moves stringData into data.
func secretData(unknown []path) []path {
	moved := make([]path, len(unknown))
	for i, place := range unknown {
		moved[i] = slices.Clone(place)
		if len(place) > 0 && place[0] == "stringData" {
			moved[i][0] = "data"
		}
	}
	return moved
}
